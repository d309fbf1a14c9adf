package chart

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

const deploy = "../../deploy"

// render returns the objects that the chart makes with some arguments of helm.
func render(t *testing.T, release string, args ...string) objects {
	t.Helper()
	text, err := Render(t.Context(), deploy, Values{Release: release, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, strings.NewReader(text))
}

type objects []runtime.Object

// decode reads manifests strictly: a field that does not exist is an error.
func decode(t *testing.T, manifests io.Reader) (all objects) {
	t.Helper()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	for documents := yaml.NewYAMLOrJSONDecoder(manifests, 4096); ; {
		var raw runtime.RawExtension
		if err := documents.Decode(&raw); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(raw.Raw) == 0 || string(raw.Raw) == "null" {
			continue
		}
		object, _, err := decoder.Decode(raw.Raw, nil, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw.Raw)
		}
		all = append(all, object)
	}
}

// the returns the object of a type and a name.
func the[T interface {
	runtime.Object
	GetName() string
}](t *testing.T, all objects, name string) (found T) {
	t.Helper()
	for _, object := range all {
		if object, ok := object.(T); ok && object.GetName() == name {
			return object
		}
	}
	t.Fatalf("there is no %T %s", found, name)
	return found
}

func TestGracePeriodCoversTheDrain(t *testing.T) {
	for _, c := range []struct {
		idea string
		args []string
		want int64
	}{
		{"the defaults: 5 s, 5 s, 10 min and 10 s", nil, 620},
		{"tunnels are cut short: the requests count", []string{"--set", "config.drain.tunnels=1s"}, 80},
		{"hours, minutes and fractions", []string{"--set", "config.drain.tunnels=1h1.5m,config.drain.delay=1500ms"}, 3600 + 90 + 2 + 5 + 10},
		{"twice the longest TTL of the zones, for answers of DNS", []string{"--set", "config.dns.zones[0].name=a.example,config.dns.zones[1].name=b.example,config.dns.zones[1].ttl=2m"}, 620 + 240},
		{"the default TTL", []string{"--set", "config.dns.zones[0].name=a.example"}, 620 + 120},
		{"answers of DNS are not waited for", []string{"--set", "config.dns.zones[0].name=a.example,config.drain.dns=0s"}, 620},
		{"a longer pause before", []string{"--set", "preStopSeconds=20"}, 635},
	} {
		t.Run(c.idea, func(t *testing.T) {
			pod := the[*appsv1.Deployment](t, render(t, "gatelodge", c.args...), "gatelodge").Spec.Template.Spec
			if got := *pod.TerminationGracePeriodSeconds; got != c.want {
				t.Errorf("the grace period is %d s, want %d s", got, c.want)
			}
		})
	}
}

func TestServicesAskMetalLBForAddresses(t *testing.T) {
	const share, pool, ips = "metallb.io/allow-shared-ip", "metallb.io/address-pool", "metallb.io/loadBalancerIPs"
	for _, c := range []struct {
		idea      string
		args      []string
		http, dns map[string]string
	}{
		{"any address, shared", nil, map[string]string{share: "gatelodge/gatelodge"}, map[string]string{share: "gatelodge/gatelodge"}},
		{"one address of a pool", []string{"--set", "services.pool=lan,services.http.addresses={198.18.0.1},services.dns.addresses={198.18.0.1}"},
			map[string]string{share: "gatelodge/gatelodge", pool: "lan", ips: "198.18.0.1"},
			map[string]string{share: "gatelodge/gatelodge", pool: "lan", ips: "198.18.0.1"}},
		{"two, of two families, not shared", []string{"--set", "services.shareKey=-,services.http.addresses={198.18.0.1,2001:db8::1},services.dns.addresses={198.18.0.2}"},
			map[string]string{ips: "198.18.0.1,2001:db8::1"}, map[string]string{ips: "198.18.0.2"}},
		{"what the user writes wins", []string{"--set", `services.pool=lan,services.dns.annotations.metallb\.io/address-pool=other`},
			map[string]string{share: "gatelodge/gatelodge", pool: "lan"}, map[string]string{share: "gatelodge/gatelodge", pool: "other"}},
	} {
		t.Run(c.idea, func(t *testing.T) {
			all := render(t, "gatelodge", c.args...)
			for name, want := range map[string]map[string]string{"gatelodge": c.http, "gatelodge-dns": c.dns} {
				service := the[*corev1.Service](t, all, name)
				if fmt.Sprint(service.Annotations) != fmt.Sprint(want) {
					t.Errorf("%s has %v, want %v", name, service.Annotations, want)
				}
			}
			// Else MetalLB would not let them share under the policy Local.
			if a, b := the[*corev1.Service](t, all, "gatelodge"), the[*corev1.Service](t, all, "gatelodge-dns"); fmt.Sprint(a.Spec.Selector) != fmt.Sprint(b.Spec.Selector) {
				t.Errorf("the Services select %v and %v", a.Spec.Selector, b.Spec.Selector)
			}
		})
	}
}

// TestConfigurationIsTaken: the gateway accepts what the chart writes, for every way
// to install.
func TestConfigurationIsTaken(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "gatelodge")
	build := exec.Command("go", "build", "-o", binary, "./cmd/gatelodge")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, install := range Installs {
		t.Run(install.Idea, func(t *testing.T) {
			all := render(t, install.Release, install.Args...)
			config := the[*corev1.ConfigMap](t, all, install.Release+"-config").Data["gateway.yaml"]
			file := filepath.Join(t.TempDir(), "gateway.yaml")
			if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			check := exec.Command(binary, "check", "--config", file, "-")
			check.Stdin = strings.NewReader(fmt.Sprintf(services, install.Release))
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, config)
			}
		})
	}
}

// services are those of a release as they are in a cluster, with addresses.
const services = `
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: %[1]s}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s-dns, namespace: %[1]s}
spec: {type: LoadBalancer, ports: [{port: 53, protocol: UDP}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s-external, namespace: %[1]s}
spec: {type: LoadBalancer, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.10}]}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s-external-dns, namespace: %[1]s}
spec: {type: LoadBalancer, ports: [{port: 53, protocol: UDP}]}
status: {loadBalancer: {ingress: [{ip: 203.0.113.53}]}}
`

func TestAnotherListenerIsReached(t *testing.T) {
	all := render(t, "gatelodge", "--set", "services.dns.extraPorts[0].name=dot,services.dns.extraPorts[0].port=853,services.dns.extraPorts[0].targetPort=8853")
	ports := the[*corev1.Service](t, all, "gatelodge-dns").Spec.Ports
	if last := ports[len(ports)-1]; len(ports) != 3 || last.Name != "dot" || last.Port != 853 || last.TargetPort.IntValue() != 8853 {
		t.Errorf("the Service has the ports %v", ports)
	}
	allowed := the[*networkingv1.NetworkPolicy](t, all, "gatelodge").Spec.Ingress[0].Ports
	if last := allowed[len(allowed)-1]; len(allowed) != 5 || last.Port.IntValue() != 8853 || *last.Protocol != corev1.ProtocolTCP {
		t.Errorf("the NetworkPolicy allows the ports %v", allowed)
	}
}

// TestDNSOverTLSIsReached: at port 853, by a listener beside those that there are
// without it.
func TestDNSOverTLSIsReached(t *testing.T) {
	all := render(t, "gatelodge", "--set", "services.dns.tls=true")
	ports := the[*corev1.Service](t, all, "gatelodge-dns").Spec.Ports
	if last := ports[len(ports)-1]; len(ports) != 3 || last.Port != 853 || last.TargetPort.IntValue() != 8853 || last.Protocol == corev1.ProtocolUDP {
		t.Errorf("the Service has the ports %v", ports)
	}
	allowed := the[*networkingv1.NetworkPolicy](t, all, "gatelodge").Spec.Ingress[0].Ports
	if last := allowed[len(allowed)-1]; len(allowed) != 5 || last.Port.IntValue() != 8853 {
		t.Errorf("the NetworkPolicy allows the ports %v", allowed)
	}
	var config struct {
		Listeners []struct {
			Protocol, Address, View string
			PublicPort              int
		}
	}
	if err := yaml.Unmarshal([]byte(the[*corev1.ConfigMap](t, all, "gatelodge-config").Data["gateway.yaml"]), &config); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(config.Listeners); got != "[{HTTP :8080 default 80} {HTTPS :8443 default 443} {DNS :8053 default 0} {DOT :8853 default 0}]" {
		t.Errorf("the configuration has the listeners %s", got)
	}
	without := the[*corev1.Service](t, render(t, "gatelodge"), "gatelodge-dns").Spec.Ports
	if len(without) != 2 {
		t.Errorf("without the value the Service has the ports %v", without)
	}
}

func TestTwoReleasesShareNoName(t *testing.T) {
	names := make(map[string]bool)
	for _, release := range []string{"gatelodge-lan", "gatelodge-dmz"} {
		for _, object := range render(t, release, "--values", "metallb/values-"+strings.TrimPrefix(release, "gatelodge-")+".yaml") {
			o := object.(interface{ GetName() string })
			id := fmt.Sprintf("%T %s", object, o.GetName())
			if names[id] {
				t.Errorf("both make the %s", id)
			}
			names[id] = true
		}
	}
}

func TestSomeNamespacesNeedNoRightsElsewhere(t *testing.T) {
	for _, object := range render(t, "gatelodge", "--set", "config.ingress.namespaces={shop,gatelodge}") {
		role, ok := object.(*rbacv1.ClusterRole)
		if !ok {
			continue
		}
		for _, rule := range role.Rules {
			if fmt.Sprint(rule.Resources, rule.ResourceNames) != "[namespaces] [shop gatelodge]" {
				t.Errorf("ClusterRole %s: %v", role.Name, rule)
			}
		}
	}
}

func TestMemoryLimitOfGoFollowsThePods(t *testing.T) {
	container := the[*appsv1.Deployment](t, render(t, "gatelodge", "--set", "resources.limits.memory=2Gi"), "gatelodge").Spec.Template.Spec.Containers[0]
	if got := container.Resources.Limits[corev1.ResourceMemory]; got.Cmp(resource.MustParse("2Gi")) != 0 {
		t.Errorf("the limit is %v", got.String())
	}
	env := make(map[string]corev1.EnvVar)
	for _, e := range container.Env {
		env[e.Name] = e
	}
	from := env["MEMORY_LIMIT_MIB"].ValueFrom
	if from == nil || from.ResourceFieldRef.Resource != "limits.memory" || from.ResourceFieldRef.Divisor.String() != "1Mi" ||
		env["GOMEMLIMIT"].Value != "$(MEMORY_LIMIT_MIB)000000" {
		t.Errorf("the environment is %v", container.Env)
	}
}

func TestMistypedValuesAreRefused(t *testing.T) {
	for idea, c := range map[string]struct{ set, want string }{
		"a key that does not exist":       {"services.http.adresses={198.18.0.1}", "adresses"},
		"an invalid address":              {"services.dns.addresses={198.18.0}", "198.18.0"},
		"an invalid policy":               {"services.externalTrafficPolicy=local", "externalTrafficPolicy"},
		"a duration without a unit":       {"config.drain.delay=5", "/config/drain/delay"},
		"a name other than the release's": {"config.name=other", "/config/name"},
		"a folder that is not writable":   {"config.state=/data", "/config/state"},
		"a view without ports":            {"views[0].name=external", "/views/0"},
		"a view whose Service is taken":   {"views[0].name=dns,views[0].ports.http=1,views[0].ports.https=2,views[0].ports.dns=3", "/views/0/name"},
		"a view that there is already":    {"views[0].name=default,views[0].ports.http=1,views[0].ports.https=2,views[0].ports.dns=3", `"default" is the view of services already`},
	} {
		t.Run(idea, func(t *testing.T) {
			_, err := Render(t.Context(), deploy, Values{Release: "gatelodge", Args: []string{"--set", c.set}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
