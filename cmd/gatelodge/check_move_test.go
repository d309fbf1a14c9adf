package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatelodge.dev/kube/ingressnginx"
)

// A class that is the default, one of another controller, and Ingresses of which
// each names its class in its own way.
const beforeTheMove = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: other}
spec: {controller: example.com/other}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: web}
spec: {ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: default, annotations: {nginx.ingress.kubernetes.io/upstream-vhost: app.example, nginx.ingress.kubernetes.io/enable-modsecurity: "false"}}
spec: {rules: [{host: default.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: older, annotations: {kubernetes.io/ingress.class: nginx, nginx.ingress.kubernetes.io/limit-rps: "5", nginx.ingress.kubernetes.io/ssl-ciphers: HIGH}}
spec: {rules: [{host: older.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: foreign}
spec: {ingressClassName: other, rules: [{host: foreign.example.com}]}
`

const needsYou = `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: named, annotations: {nginx.ingress.kubernetes.io/stream-snippet: "<script>alert(1)</script>", nginx.ingress.kubernetes.io/limit-rpm: many}}
spec: {ingressClassName: nginx, rules: [{host: named.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`

func moveReport(t *testing.T, manifests string, wantStatus int, args ...string) ingressnginx.Report {
	t.Helper()
	status, out, errs := runCommand(t, manifests, append([]string{"check", "--from", "ingress-nginx", "--output", "json"}, args...)...)
	if status != wantStatus {
		t.Errorf("status %d, want %d: %s\n%s", status, wantStatus, errs, out)
	}
	var r ingressnginx.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err, out)
	}
	return r
}

func TestCheckFromIngressNginx(t *testing.T) {
	r := moveReport(t, beforeTheMove, 0)
	if want := (ingressnginx.Sum{Ingresses: 2, Same: 1, Differs: 1, Others: 1}); r.Sum != want {
		t.Errorf("%+v, want %+v", r.Sum, want)
	}
	r = moveReport(t, beforeTheMove+needsYou, 1)
	if want := (ingressnginx.Sum{Ingresses: 3, Same: 1, Differs: 1, ToDo: 1, Others: 1}); r.Sum != want {
		t.Errorf("%+v, want %+v", r.Sum, want)
	}
	findings := make(map[string]string)
	for _, one := range r.Ingresses {
		var lines []string
		for _, f := range one.Findings {
			lines = append(lines, string(f.Kind)+" "+f.Line())
		}
		findings[one.Name] = strings.Join(lines, "\n")
	}
	for name, wants := range map[string][]string{
		"older": {"difference nginx.ingress.kubernetes.io/limit-rps: The status is 429", "remark nginx.ingress.kubernetes.io/ssl-ciphers: It has no meaning here"},
		"named": {"todo nginx.ingress.kubernetes.io/stream-snippet: the gateway forwards HTTP only; expose", `todo BadAnnotation: annotation nginx.ingress.kubernetes.io/limit-rpm: "many"`},
	} {
		for _, want := range wants {
			if !strings.Contains(findings[name], want) {
				t.Errorf("%s: %s\nwant %s", name, findings[name], want)
			}
		}
	}
	if findings["default"] != "" || strings.Count(findings["named"], "stream-snippet") != 1 {
		t.Errorf("%q", findings)
	}
}

// TestCheckFromUsesTheControllersConfiguration: what the ConfigMap says for all
// Ingresses is judged with them, and what has no counterpart is told.
func TestCheckFromUsesTheControllersConfiguration(t *testing.T) {
	controller := installation(t, nil, map[string]string{"use-syslog": "true", "enable-syslog": "true", "limit-rate": "not a number"})
	r := moveReport(t, controller+beforeTheMove, 1)
	if len(r.Settings) != 2 || r.Settings[0].Setting != "enable-syslog" || !strings.Contains(r.Settings[1].ToDo, "does not know") {
		t.Errorf("%+v", r.Settings)
	}
	if len(r.Others) != 1 || !strings.Contains(r.Others[0], "limit-rate") {
		t.Errorf("the default of the class is not judged: %q", r.Others)
	}
}

// TestCheckFromTellsOfDefaultsOnce: a problem that every Ingress has from its class is no
// problem of each, and what had no effect before the move is nothing to do.
func TestCheckFromTellsOfDefaultsOnce(t *testing.T) {
	controller := installation(t, nil, map[string]string{"custom-http-errors": "502,503"})
	r := moveReport(t, controller+beforeTheMove+`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: idle, annotations: {nginx.ingress.kubernetes.io/cors-max-age: "600", nginx.ingress.kubernetes.io/backend-protocol: HTTPS}}
spec: {ingressClassName: nginx, rules: [{host: idle.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`, 1)
	if len(r.Others) != 1 || !strings.Contains(r.Others[0], "on 3 Ingresses: annotation custom-http-errors has no effect") || r.Sum.ToDo != 0 {
		t.Errorf("%q and %+v", r.Others, r.Sum)
	}
	for _, one := range r.Ingresses {
		if one.Name == "idle" && (one.Verdict != ingressnginx.Same || len(one.Findings) != 1 || one.Findings[0].Kind != ingressnginx.Remark) {
			t.Errorf("%+v", one)
		}
	}
}

// TestCheckFromTellsOfALostFirewall: rules of the ConfigMap that refuse requests hold
// for every Ingress that does not turn ModSecurity off, if the ConfigMap turns it on.
func TestCheckFromTellsOfALostFirewall(t *testing.T) {
	const on, detecting = "SecRuleEngine On", "SecRuleEngine DetectionOnly"
	for _, test := range []struct {
		enable, rules, says string
		todo                int
	}{
		{"true", on, "its routes answer 503", 1},
		{"true", detecting, "put a web application firewall", 0},
		{"false", on, "", 0},
	} {
		controller := installation(t, nil, map[string]string{"enable-modsecurity": test.enable, "modsecurity-snippet": test.rules})
		r := moveReport(t, controller+beforeTheMove, min(len(test.says), 1))
		settings := make(map[string]string)
		for _, s := range r.Settings {
			settings[s.Setting] = s.ToDo
		}
		if got := settings["modsecurity-snippet"]; !strings.Contains(got, test.says) || (got == "") != (test.says == "") || r.Sum.ToDo != test.todo {
			t.Errorf("%s, %s: %q, and %d Ingresses to do, want %q and %d", test.enable, test.rules, got, r.Sum.ToDo, test.says, test.todo)
		}
		for _, one := range r.Ingresses {
			if needs := one.Name == "older" && test.todo > 0; needs != (one.Verdict == ingressnginx.NeedsYou) {
				t.Errorf("%s, %s: Ingress %s is %q: %+v", test.enable, test.rules, one.Name, one.Verdict, one.Findings)
			}
		}
	}
}

func TestCheckFromAsTextAndAsPage(t *testing.T) {
	status, text, _ := runCommand(t, beforeTheMove+needsYou, "check", "--from", "ingress-nginx")
	if status != 1 || !strings.Contains(text, "Ingresses: 3; answered as before: 1; with named differences: 1; with something to be done: 1; of other classes, not looked at: 1\n") ||
		!strings.Contains(text, "1 Ingress: shop/named (stdin:") {
		t.Errorf("%d\n%s", status, text)
	}
	status, page, _ := runCommand(t, strings.ReplaceAll(beforeTheMove+needsYou, "many", `"<script>x"`), "check", "--from", "ingress-nginx", "--output", "html")
	if status != 1 || !strings.HasPrefix(page, "<!DOCTYPE html>") || !strings.Contains(page, "shop/named") || !strings.Contains(page, "&lt;script&gt;x") {
		t.Errorf("%d\n%s", status, page)
	}
	for _, foreign := range []string{"<script", "http://", "https://", "src=", "@import", "url("} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page is not self-contained, or not escaped: it has %s", foreign)
		}
	}
}

// TestCheckFromTellsEachFindingOnce: a difference that many Ingresses have is one entry of
// the text, which names some of them.
func TestCheckFromTellsEachFindingOnce(t *testing.T) {
	var many strings.Builder
	for i := range 12 {
		fmt.Fprintf(&many, `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: limited-%02d, annotations: {nginx.ingress.kubernetes.io/limit-rps: "5"}}
spec: {ingressClassName: nginx, rules: [{host: limited-%02d.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`, i, i)
	}
	_, text, _ := runCommand(t, beforeTheMove+needsYou+many.String(), "check", "--from", "ingress-nginx")
	parts := strings.Split(text, "\n\n")
	for heading, wants := range map[string][]string{
		"To do:":         {"stream-snippet: the gateway forwards HTTP only", "limit-rpm: \"many\"", "\n    1 Ingress: shop/named (stdin:"},
		"Different:":     {"limit-rps: The status is 429", "\n    13 Ingresses: shop/limited-00 (stdin:", "shop/limited-09 (stdin:", " and 3 more"},
		"Nothing to do:": {"ssl-ciphers: It has no meaning here", "\n    1 Ingress: shop/older (stdin:"},
	} {
		i := slices.IndexFunc(parts, func(part string) bool { return strings.HasPrefix(part, heading) })
		if i < 0 {
			t.Fatalf("there is no %q in\n%s", heading, text)
		}
		for _, want := range wants {
			if !strings.Contains(parts[i], want) {
				t.Errorf("%s\nwant %q", parts[i], want)
			}
		}
	}
	if strings.Count(text, "The status is 429") != 1 || strings.Contains(text, "limited-10") {
		t.Errorf("a difference is told more than once, or names more Ingresses than the most:\n%s", text)
	}
}

func TestCheckRefusesFlagsThatMeanNothing(t *testing.T) {
	for _, args := range [][]string{{"--from", "traefik"}, {"--output", "json"}, {"--from", "ingress-nginx", "--output", "pdf"}, {"--controller", "a/b"}} {
		if status, _, _ := runCommand(t, "", append([]string{"check"}, args...)...); status != 2 {
			t.Errorf("%q: status %d, want 2", args, status)
		}
	}
}
