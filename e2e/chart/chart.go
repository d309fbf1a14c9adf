// Package chart renders deploy/chart for tests, with the helm that e2e/programs
// pins. Its own tests are about what the chart makes of its values; that an API
// server takes it is tested in e2e/api, and that it runs in e2e/cluster.
package chart

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"gatelodge.dev/e2e/programs"
)

// Values are what the chart is installed with in some way that the documentation
// shows, as arguments of helm. Paths are below the folder deploy.
type Values struct {
	Idea    string
	Release string // also the namespace
	Args    []string
}

// Installs are the ways to install that tests try. None needs a CRD.
var Installs = []Values{
	{"the defaults", "gatelodge", nil},
	{"a gateway of the LAN", "gatelodge-lan", []string{"--values", "metallb/values-lan.yaml"}},
	{"a gateway of the DMZ", "gatelodge-dmz", []string{"--values", "metallb/values-dmz.yaml"}},
	{"two views", "gatelodge", []string{"--values", "views/values.yaml"}},
	{"some namespaces only", "gatelodge", []string{"--set", "config.ingress.namespaces={shop,marketing}"}},
	{"everything that is off", "gatelodge", []string{
		"--set", "autoscaling.enabled=true,state.enabled=true,ingressClass.default=true,monitoring.dashboard.enabled=true",
		"--set", "priorityClassName=system-cluster-critical,services.ipFamilyPolicy=PreferDualStack,services.externalTrafficPolicy=Cluster,services.dns.tls=true",
		"--set", "imagePullSecrets[0].name=registry,nodeSelector.zone=a,tolerations[0].operator=Exists,podLabels.team=net,podAnnotations.note=x",
		"--set", "extraVolumes[0].name=ca,extraVolumes[0].configMap.name=ca,extraVolumeMounts[0].name=ca,extraVolumeMounts[0].mountPath=/ca",
		"--set-json", `networkPolicy.admin=[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"monitoring"}}}]`,
	}},
	{"nothing that can be left out", "gatelodge", []string{
		"--set", "networkPolicy.enabled=false,podDisruptionBudget.enabled=false,ingressClass.create=false,services.shareKey=-",
		"--set", "services.http.type=ClusterIP,services.dns.type=ClusterIP,resources=null",
	}},
}

// Render returns the manifests that the chart makes of values. deploy is the path
// of that folder. It must run in a folder of the module gatelodge.dev/e2e.
func Render(ctx context.Context, deploy string, values Values) (string, error) {
	helm, err := programs.Build(ctx, os.Stderr, "helm")
	if err != nil {
		return "", err
	}
	deploy, err = filepath.Abs(deploy)
	if err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, helm, append([]string{"template", values.Release, "chart", "--namespace", values.Release}, values.Args...)...)
	command.Dir, command.Stdout, command.Stderr = deploy, &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("rendering the chart: %w\n%s", err, &stderr)
	}
	return stdout.String(), nil
}
