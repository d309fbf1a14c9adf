package annotations

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/nginxnames"
)

// TestInventedNamesHaveNoEffect: ingress-nginx passes over a name that it does not
// have, so a move changes nothing, and the author learns what to write.
func TestInventedNamesHaveNoEffect(t *testing.T) {
	for name, want := range map[string]string{
		"rate-limit":         "write limit-rps or limit-rpm",
		"websocket-services": "WebSockets pass without it",
		"hsts":               `write gatelodge.dev/hsts: "max-age=`,
		"max-requests":       "write gatelodge.dev/max-requests",
		"frobnicate":         "ingress-nginx 1.15 does not read it either",
	} {
		source := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{nginxPrefix + name: "true"}}}
		asked := Read(source.Annotations, "shop", nil, func(_ gatelodge.Reason, format string, _ ...any) { t.Errorf("%s: told %q", name, format) })
		if asked.Unavailable != "" || asked.HSTS != nil {
			t.Errorf("%s: unavailable is %q, HSTS %v, want no effect", name, asked.Unavailable, asked.HSTS)
		}
		if message := asked.IneffectiveOnIngress(source, func() bool { return false }); !strings.Contains(message, want) || !strings.Contains(message, "has no effect here") {
			t.Errorf("%s: the message is %q, want %q in it", name, message, want)
		}
	}
}

// TestAnInventedNameOverridesNothing, such as a default of the class.
func TestAnInventedNameOverridesNothing(t *testing.T) {
	defaults := ReadDefaults(map[string]string{"hsts": "max-age=60"}, nil, func(_ gatelodge.Reason, format string, _ ...any) { t.Errorf("told %q", format) })
	own := Read(map[string]string{nginxPrefix + "hsts": "true"}, "shop", defaults, func(_ gatelodge.Reason, format string, _ ...any) { t.Errorf("told %q", format) })
	if own.HSTS == nil || *own.HSTS != "max-age=60" {
		t.Errorf("HSTS is %v, want the default of the class", own.HSTS)
	}
}

// TestWhatIsReadIsNotInvented: the list stays in step with what ingress-nginx reads.
func TestWhatIsReadIsNotInvented(t *testing.T) {
	for name := range nginxnames.Instead() {
		if !isInvented(nginxPrefix + name) {
			t.Errorf("%s is one of ingress-nginx's", name)
		}
	}
}
