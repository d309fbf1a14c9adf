package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// nginxManifests is an installation of ingress-nginx with a class, which is the
// default, and an Ingress each that names it, and that does not.
const nginxManifests = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx}
spec: {template: {spec: {containers: [{image: registry.k8s.io/ingress-nginx/controller:v1.15.0, args: [/nginx-ingress-controller, --configmap=$(POD_NAMESPACE)/ingress-nginx-controller]}]}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: ingress-nginx-controller, namespace: ingress-nginx}
data: {force-ssl-redirect: "true", hsts-max-age: "600"}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: k8s.io/ingress-nginx}
`

// TestMigrate runs the commands of docs/migrate.md that are gatelodge's, as they
// stand and in their order, with two gateways in the places of the old and the new
// one. The new one has the configuration that they make.
func TestMigrate(t *testing.T) {
	t.Parallel()
	dir, manifests := t.TempDir(), t.TempDir()
	ca := undertest.NewCA(t, "e2e CA")
	secret, _ := tlsSecret(t, ca, "site", "web.pke.example.com")
	named := strings.Replace(ingress("web", "web.pke.example.com", "web", "site"), "gatelodge", "nginx", 1)
	classless := strings.Replace(ingress("plain", "plain.pke.example.com", "web", ""), "  ingressClassName: gatelodge\n", "", 1)
	text := nginxManifests + named + classless + service("web", startBackend(t, "web")) + "---\n" + secret
	write(t, manifests, "all.yaml", text)
	write(t, dir, "before.yaml", text)
	write(t, dir, "ca.pem", string(ca.Certificate))
	write(t, dir, "urls.txt", "https://web.pke.example.com/\nhttp://web.pke.example.com/to/https\nhttps://web.pke.example.com/a/../b?c=d\nhttp://plain.pke.example.com/\nHEAD https://web.pke.example.com/\nhttp://nobody.pke.example.com/\n")
	write(t, dir, "access.log", `192.0.2.7 - - [28/Nov/2026:15:00:00 +0000] "GET /cart HTTP/2.0" 200 612 "-" "curl/8" 80 0.004 [shop-web-80] [] 10.0.0.7:80 612 0.004 200 8a3f`+"\n")
	if err := os.Symlink(undertest.Binary(), filepath.Join(dir, "gatelodge")); err != nil {
		t.Fatal(err)
	}
	before, after := undertest.New(t), undertest.New(t)
	shell := func(command string) (string, int) {
		for old, g := range map[string]*undertest.Gateway{"198.18.0.100": before, "198.18.0.200": after} {
			command = strings.ReplaceAll(command, old, fmt.Sprintf("http=%s,https=%s", g.HTTP, g.HTTPS))
		}
		run := exec.CommandContext(t.Context(), "bash", "-c", command)
		run.Dir = dir
		run.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "SSL_CERT_FILE="+filepath.Join(dir, "ca.pem"), "SSL_CERT_DIR=/nonexistent")
		out, err := run.CombinedOutput()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return string(out), exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		return string(out), 0
	}
	quick := func(file string) string { // the tests wait for the end of the gateway
		config, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return configFile(t, string(config)+"\ndrain: {delay: 0s, timeout: 10s, tunnels: 10s}\n")
	}
	serving := false
	commands := shellCommands(t, "../docs/migrate.md")
	if kinds := len(slices.DeleteFunc(slices.Clone(commands), func(c string) bool { return !strings.HasPrefix(c, "gatelodge ") })); kinds < 7 {
		t.Fatalf("found only %d commands of gatelodge in %q", kinds, commands)
	}
	for _, command := range commands {
		if strings.HasPrefix(command, "kubectl ") {
			continue // the test wrote what it writes
		}
		if !serving && strings.HasPrefix(command, "gatelodge compare ") {
			serving = true
			write(t, dir, "old.yaml", "ingress: {classes: [nginx]}\nhsts: max-age=600; includeSubDomains\nserverName: \"\"\n")
			before.Run(append([]string{"serve", "--manifests", manifests, "--config", quick(filepath.Join(dir, "old.yaml"))}, before.Flags()...)...)
			after.Run(append([]string{"serve", "--manifests", manifests, "--config", quick(filepath.Join(dir, "gateway.yaml"))}, after.Flags()...)...)
			before.AwaitReady()
			after.AwaitReady()
		}
		if out, code := shell(command); code != 0 {
			t.Errorf("%s: exit code %d\n%s", command, code, out)
		}
	}

	// What the new gateway answers differently is found. The default of the class is
	// that HTTP is redirected for every host.
	defaults, err := os.ReadFile(filepath.Join(dir, "defaults.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	only := t.TempDir()
	write(t, only, "all.yaml", string(defaults)+strings.Replace(text, nginxManifests, "", 1))
	changed := undertest.New(t)
	changed.Run(append([]string{"serve", "--manifests", only, "--config", quick(filepath.Join(dir, "gateway.yaml"))}, changed.Flags()...)...)
	changed.AwaitReady()
	after = changed
	out, code := shell("gatelodge compare --a 198.18.0.100 --b 198.18.0.200 urls.txt")
	if code != 1 || !strings.Contains(out, "GET http://plain.pke.example.com/\n  status\n") || !strings.Contains(out, ": 308\n") || !strings.Contains(out, "6 compared: 5 the same, 1 different\n") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// shellCommands returns the lines of a page's blocks of sh.
func shellCommands(t *testing.T, page string) (commands []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "```sh":
			inside = true
		case line == "```":
			inside = false
		case inside:
			commands = append(commands, line)
		}
	}
	return commands
}
