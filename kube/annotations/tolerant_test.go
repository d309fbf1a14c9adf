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
	if a, problems := read("session-cookie-samesite", "lax"); problems > 0 || a.Affinity.cookie.SameSite != "Lax" {
		t.Errorf("session-cookie-samesite lax: %d problems, %q", problems, a.Affinity.cookie.SameSite)
	}
}

// TestRulesOfModSecurityProtectWhereTheyBlock: ingress-nginx's ModSecurity only
// detects until a rule says otherwise.
func TestRulesOfModSecurityProtectWhereTheyBlock(t *testing.T) {
	for _, test := range []struct {
		rules  string
		blocks bool
	}{
		{"SecRuleEngine On\nSecAuditLog /dev/stdout", true},
		{"  secruleengine on", true},
		{"SecRuleEngine DetectionOnly", false},
		{"# SecRuleEngine On", false},
		{`SecRule REQUEST_URI "@streq /admin" "id:1,phase:1,block"`, false},
	} {
		asked := Read(map[string]string{nginxPrefix + "enable-modsecurity": "true", nginxPrefix + "modsecurity-snippet": test.rules}, "shop", nil,
			func(gatelodge.Reason, string, ...any) {})
		if unavailable := asked.Unavailable != ""; unavailable != test.blocks {
			t.Errorf("%q: unavailable is %t, want %t", test.rules, unavailable, test.blocks)
		}
	}
}
