package annotations

import (
	"testing"

	gatelodge "gatelodge.dev"
)

// TestSpellingsThatIngressNginxTakes are common in manifests, and must not make a
// route unavailable. None of them opens what ingress-nginx would protect.
func TestSpellingsThatIngressNginxTakes(t *testing.T) {
	read := func(name, value string) (Asked, int) {
		problems := 0
		asked := Read(map[string]string{nginxPrefix + "auth-tls-secret": "shop/ca", nginxPrefix + name: value}, "shop", nil,
			func(gatelodge.Reason, string, ...any) { problems++ })
		return asked, problems
	}
	if a, problems := read("auth-tls-verify-client", "On"); problems > 0 || a.ClientAuth.Mode != gatelodge.ClientAuthOn || a.Unavailable != "" {
		t.Errorf("auth-tls-verify-client On: %d problems, mode %q, unavailable %q", problems, a.ClientAuth.Mode, a.Unavailable)
	}
	if a, problems := read("auth-tls-verify-client", "Off"); problems != 1 || a.Unavailable == "" {
		t.Errorf("auth-tls-verify-client Off, which is on in ingress-nginx: %d problems, unavailable %q, want 1 and 503", problems, a.Unavailable)
	}
	if a, problems := read("proxy-ssl-verify", "false"); problems > 0 || a.BackendTLS.Verify || a.Unavailable != "" {
		t.Errorf("proxy-ssl-verify false: %d problems, verify %t, unavailable %q", problems, a.BackendTLS.Verify, a.Unavailable)
	}
	if a, problems := read("proxy-ssl-verify", "true"); problems != 1 || a.Unavailable == "" {
		t.Errorf("proxy-ssl-verify true: %d problems, unavailable %q, want 1 and 503", problems, a.Unavailable)
	}
	if a, problems := read("proxy-body-size", "100Mi"); problems != 1 || a.Limits.bodyBytes == nil || *a.Limits.bodyBytes != 1<<20 || a.Unavailable != "" {
		t.Errorf("proxy-body-size 100Mi: %d problems, limits %+v, unavailable %q, want 1 and 1m", problems, a.Limits, a.Unavailable)
	}
	if a, problems := read("global-rate-limit", "100"); problems != 1 || a.Unavailable != "" {
		t.Errorf("global-rate-limit 100, which ingress-nginx 1.15 passes over: %d problems, unavailable %q", problems, a.Unavailable)
	}
	if a, problems := read("session-cookie-samesite", "lax"); problems > 0 || a.Affinity.cookie.SameSite != "Lax" {
		t.Errorf("session-cookie-samesite lax: %d problems, %q", problems, a.Affinity.cookie.SameSite)
	}
}

// TestRulesOfModSecurityProtectWhereTheyBlock: ingress-nginx's ModSecurity only
// detects until a rule says otherwise, in the Ingress or for its class, and where
// enable-modsecurity does not turn it off.
func TestRulesOfModSecurityProtectWhereTheyBlock(t *testing.T) {
	const blocking, detecting = "SecRuleEngine On\nSecAuditLog /dev/stdout", "SecRuleEngine DetectionOnly"
	for _, test := range []struct {
		enable, rules, ofClass, classEnable string
		blocks                              bool
	}{
		{"true", blocking, "", "", true},
		{"", blocking, "", "", true}, // the class may enable it
		{"true", detecting, "", "", false},
		{"true", "", "", "", false},
		{"false", blocking, "", "", false},
		{"off", blocking, "", "", true}, // which ingress-nginx takes for nothing
		{"true", "", blocking, "", true},
		{"", "", blocking, "", true},
		{"", detecting, blocking, "", true},
		{"", blocking, detecting, "", true},
		{"false", "", blocking, "", false},
		{"", blocking, "", "false", false},
		{"true", blocking, "", "false", true},
	} {
		ignore := func(gatelodge.Reason, string, ...any) {}
		defaults := ReadDefaults(map[string]string{"modsecurity-snippet": test.ofClass, "enable-modsecurity": test.classEnable}, nil, ignore)
		told := 0
		asked := Read(map[string]string{nginxPrefix + "enable-modsecurity": test.enable, nginxPrefix + "modsecurity-snippet": test.rules}, "shop", defaults,
			func(reason gatelodge.Reason, _ string, _ ...any) {
				if reason == gatelodge.BadAnnotation {
					told++
				}
			})
		if unavailable := asked.Unavailable != ""; unavailable != test.blocks || told > 0 != test.blocks {
			t.Errorf("%+v: unavailable is %t with %d problems", test, unavailable, told)
		}
	}
}
