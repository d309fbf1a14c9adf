package ingressnginx

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
)

// TestWhatIngressNginxPassesOverIsNothingToDo: an annotation that it does not read
// either changes no answer.
func TestWhatIngressNginxPassesOverIsNothingToDo(t *testing.T) {
	ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: map[string]string{
		"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
		"nginx.ingress.kubernetes.io/secure-backends":  "true",
		"nginx.ingress.kubernetes.io/rate-limit":       "100",
	}}}
	one := judge(ingress, []gatelodge.Problem{{
		Reason:  gatelodge.UnknownAnnotation,
		Message: "annotation nginx.ingress.kubernetes.io/rate-limit has no effect here: ingress-nginx 1.15 does not read it either; write limit-rps or limit-rpm",
	}})
	if one.Verdict != Same || len(one.Findings) != 2 {
		t.Fatalf("verdict %s with %v, want %s with two remarks", one.Verdict, one.Findings, Same)
	}
	for i, want := range []string{"write backend-protocol: HTTPS", "write limit-rps or limit-rpm"} {
		if f := one.Findings[i]; f.Kind != Remark || !strings.Contains(f.Line(), want) {
			t.Errorf("finding %d is %+v, want a remark with %q", i, f, want)
		}
	}
}
