package ingressnginx

import (
	"testing"

	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/syntax"
)

// TestDifferencesThatConcernAnIngress: a difference is listed where the value can meet it.
func TestDifferencesThatConcernAnIngress(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"backend-protocol", "HTTPS", false},
		{"backend-protocol", "fcgi", true},
		{"auth-type", "basic", false},
		{"auth-type", "digest", true},
		{"auth-secret", "users", false},
		{"auth-secret", "shop/users", false},
		{"auth-secret", "other/users", true},
		{"auth-tls-secret", "other/ca", true},
		{"proxy-body-size", "8m", false},
		{"load-balance", "ewma", false},
		{"proxy-request-buffering", "off", false},
		{"proxy-request-buffering", "on", true},
		{"proxy-http-version", "1.1", false},
		{"proxy-http-version", "1.0", true},
		{"server-alias", "a.example.com", false},
		{"server-alias", "~^a.*$", true},
		{"proxy-cookie-path", "/ /app", false},
		{"proxy-cookie-domain", "a $host", true},
		{"permanent-redirect", "https://a.example.com$request_uri", false},
		{"temporal-redirect", "https://a.example.com${uri}", true},
		{"rewrite-target", "/$1", true},
	} {
		if got := concerns(c.name, c.value, "shop"); got != c.want {
			t.Errorf("%s: %s is concerned: %t, want %t", c.name, c.value, got, c.want)
		}
		if entry, known := annotations.Of(syntax.NginxPrefix + c.name); !known || entry.Differs == "" {
			t.Errorf("%s has no named difference, so nothing is to be said of its values", c.name)
		}
	}
}
