package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"gatelodge.dev/e2e/programs"
)

// TestViewHasServicesOfItsOwn: with addresses, a sharing key and ports that are not
// those of the other view, and the configuration names them.
func TestViewHasServicesOfItsOwn(t *testing.T) {
	all := render(t, "gatelodge", "--values", "views/values.yaml", "--set", "views[0].pool=internet,views[0].ports.dnsTLS=18853")
	for _, want := range []struct{ name, address, share, pool, ports string }{
		{"gatelodge", "10.0.0.10", "gatelodge/gatelodge", "", "80>http 443>https"},
		{"gatelodge-dns", "10.0.0.53", "gatelodge/gatelodge", "", "53>dns 53>dns-tcp"},
		{"gatelodge-external", "203.0.113.10", "gatelodge/gatelodge/external", "internet", "80>18080 443>18443"},
		{"gatelodge-external-dns", "203.0.113.53", "gatelodge/gatelodge/external", "internet", "53>18053 53>18053 853>18853"},
	} {
		service := the[*corev1.Service](t, all, want.name)
		var ports []string
		for _, port := range service.Spec.Ports {
			ports = append(ports, fmt.Sprint(port.Port, ">", port.TargetPort.String()))
		}
		got := service.Annotations
		if got["metallb.io/loadBalancerIPs"] != want.address || got["metallb.io/allow-shared-ip"] != want.share || got["metallb.io/address-pool"] != want.pool ||
			strings.Join(ports, " ") != want.ports || service.Spec.Type != corev1.ServiceTypeLoadBalancer {
			t.Errorf("%s has %v and the ports %v, want %v", want.name, got, ports, want)
		}
	}

	var allowed []string
	for _, port := range the[*networkingv1.NetworkPolicy](t, all, "gatelodge").Spec.Ingress[0].Ports {
		allowed = append(allowed, port.Port.String())
	}
	for _, port := range []string{"18080", "18443", "18053", "18853"} {
		if !slices.Contains(allowed, port) {
			t.Errorf("the NetworkPolicy allows the ports %v, not %s", allowed, port)
		}
	}

	config := configuration(t, all)
	if got, want := fmt.Sprint(config.Listeners), "[{http HTTP :8080 internal 80} {https HTTPS :8443 internal 443} {dns DNS :8053 internal 0} "+
		"{http-external HTTP :18080 external 80} {https-external HTTPS :18443 external 443} {dns-external DNS :18053 external 0} {dns-tls-external DOT :18853 external 0}]"; got != want {
		t.Errorf("the configuration has the listeners\n%s\nwant\n%s", got, want)
	}
	if got, want := fmt.Sprint(config.Views), "[{internal gatelodge/gatelodge  true []} {external gatelodge/gatelodge-external gatelodge/gatelodge-external-dns false [shop]}]"; got != want {
		t.Errorf("the configuration has the views %s, want %s", got, want)
	}
}

// TestViewsOfTheConfigurationComeFirst: in their order, with what they say of themselves.
func TestViewsOfTheConfigurationComeFirst(t *testing.T) {
	const ports = "views[0].name=external,views[0].ports.http=18080,views[0].ports.https=18443,views[0].ports.dns=18053"
	for _, c := range []struct{ idea, set, want string }{
		{"none is written", ports, "[{default gatelodge/gatelodge  false []} {external gatelodge/gatelodge-external gatelodge/gatelodge-external-dns false []}]"},
		{"one, and it comes first", ports + ",config.views[0].name=external,config.views[0].service=other/web",
			"[{external other/web gatelodge/gatelodge-external-dns false []} {default gatelodge/gatelodge  false []}]"},
		{"no Services of a second view", "config.views[0].name=inside,config.views[0].service=other/web", "[{inside other/web  false []}]"},
		{"the view of the chart's only Services", "config.views[0].name=default,config.views[0].owners=true", "[{default gatelodge/gatelodge  true []}]"},
	} {
		t.Run(c.idea, func(t *testing.T) {
			if got := fmt.Sprint(configuration(t, render(t, "gatelodge", "--set", c.set)).Views); got != c.want {
				t.Errorf("the configuration has the views %s, want %s", got, c.want)
			}
		})
	}
}

type viewsOfConfiguration struct {
	Listeners []struct {
		Name, Protocol, Address, View string
		PublicPort                    int
	}
	Views []struct {
		Name, Service, DNSService string
		Owners                    bool
		Namespaces                []string
	}
}

func configuration(t *testing.T, all objects) (config viewsOfConfiguration) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(the[*corev1.ConfigMap](t, all, "gatelodge-config").Data["gateway.yaml"]), &config); err != nil {
		t.Fatal(err)
	}
	return config
}

// TestExampleIsTheSameByTheChart: docs/views.md offers deploy/views as a configuration and as values.
func TestExampleIsTheSameByTheChart(t *testing.T) {
	written, err := os.ReadFile(filepath.Join(deploy, "views", "gateway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rendered := the[*corev1.ConfigMap](t, render(t, "gatelodge", "--values", "views/values.yaml"), "gatelodge-config").Data["gateway.yaml"]
	type common struct {
		Listeners []any
		DNS       struct{ Zones []any }
	}
	text := func(config string) string {
		var read common
		if err := yaml.Unmarshal([]byte(config), &read); err != nil {
			t.Fatal(err)
		}
		for _, listener := range read.Listeners {
			delete(listener.(map[string]any), "publicPort") // which it has without being written
		}
		out, err := json.MarshalIndent(read, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got, want := text(rendered), text(string(written)); got != want {
		t.Errorf("the chart makes\n%s\nof values.yaml, and gateway.yaml has\n%s", got, want)
	}
}

// TestNotesNameTheAddressOfEachZone: by the view that it is in.
func TestNotesNameTheAddressOfEachZone(t *testing.T) {
	helm, err := programs.Build(t.Context(), t.Output(), "helm")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), helm, "install", "gatelodge", filepath.Join(deploy, "chart"), "--dry-run=client", "--namespace", "gatelodge",
		"--values", filepath.Join(deploy, "views", "values.yaml"), "--set-json", "views[0].http.addresses=[]").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, notes, _ := strings.Cut(string(out), "NOTES:")
	for _, want := range []string{
		"get service gatelodge gatelodge-dns gatelodge-external gatelodge-external-dns\n",
		"delegates pke.example.com to the address of gatelodge-dns (",
		"delegates pke.example.com to the address of gatelodge-external-dns (",
		"http.addresses of the view external is empty",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes do not contain %q:\n%s", want, notes)
		}
	}
}
