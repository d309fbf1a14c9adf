package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
)

// annotated is an ingress with annotations, for path /.
func annotated(name, host, path, annotations string) string {
	text := ingress(name, host, "web", "")
	text = strings.Replace(text, "namespace: shop}", "namespace: shop, annotations: {"+annotations+"}}", 1)
	return strings.Replace(text, "path: /,", "path: "+path+",", 1)
}

const basicAuth = `nginx.ingress.kubernetes.io/auth-type: basic, nginx.ingress.kubernetes.io/auth-secret: users`

// annaOf is a Secret with the user anna, whose password is anna1.
const annaOf = `---
apiVersion: v1
kind: Secret
metadata: {name: users, namespace: shop}
stringData: {auth: "\ufeffanna:$2y$11$abcdefghijklmnopqrstuuJKBtXU6RcTaayVBdfeZFBfOz9I2k4xS:Anna of the shop"}
`

// attacked starts a gateway of an open host with a protected path, and of a
// protected host.
func attacked(t *testing.T) *undertest.Gateway {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "class.yaml", classManifest)
	write(t, dir, "web.yaml", service("web", startBackend(t, "web"))+annaOf+
		annotated("open", "shop.test", "/", "")+
		annotated("admin", "shop.test", "/admin", basicAuth)+
		annotated("other", "other.test", "/", basicAuth))
	return undertest.Start(t, "serve", "--manifests", dir)
}

func request(client *http.Client, method, url string, change func(*http.Request)) (int, error) {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		return 0, err
	}
	change(r)
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// TestPathConfusion: the ways around a protected path end with 400, and in the
// log.
func TestPathConfusion(t *testing.T) {
	t.Parallel()
	g := attacked(t)
	for _, path := range []string{"//admin", "/x/..;/admin", "/x%2fadmin/..%2F../admin", "/%2561dmin", "/ADMIN", "/admin;a=b", "/%5cadmin"} {
		if status, _, err := g.Get("http://shop.test" + path); err != nil || status != http.StatusBadRequest {
			t.Errorf("%s: %d, %v, want 400", path, status, err)
		}
	}
	for _, path := range []string{"/a//b;c/%2F%5C", "/Shop/ADMIN", "/"} {
		if status, _, err := g.Get("http://shop.test" + path); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d, %v, want 200", path, status, err)
		}
	}
	if status, _, err := g.Get("http://shop.test/admin//x"); err != nil || status != http.StatusUnauthorized {
		t.Errorf("the protected path: %d, %v, want 401", status, err)
	}
	g.Await("a line in the access log", func() error {
		if !strings.Contains(g.Stdout.String(), `"reason":"the path can be read as /admin, to which route /admin with other protections applies"`) {
			return errors.New(g.Stdout.String())
		}
		return nil
	})
}

// TestWrongPasswords: a flood of them at one host lets the right one in at
// another, before even a tenth is worked off.
func TestWrongPasswords(t *testing.T) {
	g := attacked(t)
	const flood = 200
	client := g.Client()
	client.Timeout = 10 * time.Minute // hashes are slow, above all under the race detector
	var checked, refused atomic.Int32
	var flooding sync.WaitGroup
	for i := range flood {
		flooding.Go(func() {
			status, err := request(client, "GET", "http://shop.test/admin", func(r *http.Request) { r.SetBasicAuth("anna", fmt.Sprint("guess", i)) })
			switch {
			case err == nil && status == http.StatusUnauthorized:
				checked.Add(1)
			case err == nil && status == http.StatusTooManyRequests:
				refused.Add(1)
			default:
				t.Errorf("a wrong password: %d, %v", status, err)
			}
		})
	}
	g.Await("more wrong passwords than one client may have waiting", func() error {
		if refused.Load() == 0 {
			return errors.New("none is refused")
		}
		return nil
	})
	status, err := request(client, "GET", "http://other.test/", func(r *http.Request) { r.SetBasicAuth("anna", "anna1") })
	if err != nil || status != http.StatusOK {
		t.Errorf("the right password: %d, %v", status, err)
	}
	flooding.Wait()
	type end struct {
		Time     time.Time // at which the request began
		Host     string
		Status   int
		Duration float64
	}
	var wrong []time.Time // when each was found to be
	var right end
	g.Await("the access log of all passwords that were checked", func() error {
		wrong, right = nil, end{}
		for line := range strings.Lines(g.Stdout.String()) {
			var e end
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				return fmt.Errorf("%s: %w", line, err)
			}
			switch {
			case e.Host == "other.test":
				right = e
			case e.Status == http.StatusUnauthorized:
				wrong = append(wrong, e.Time.Add(time.Duration(e.Duration*float64(time.Second))))
			}
		}
		if right.Host == "" || len(wrong) != int(checked.Load()) {
			return fmt.Errorf("it has %d wrong ones of %d, and as the right one %+v", len(wrong), checked.Load(), right)
		}
		return nil
	})
	before := 0
	for _, at := range wrong {
		if at.After(right.Time) && at.Before(right.Time.Add(time.Duration(right.Duration*float64(time.Second)))) {
			before++
		}
	}
	if before > flood/10 {
		t.Errorf("%d wrong passwords were checked before the right one", before)
	}
	t.Logf("%d wrong passwords were checked, %d before the right one", len(wrong), before)
}

// TestAdminTrustsNoBrowser: neither rebinding nor a page of another site gets
// anything from the admin endpoint.
func TestAdminTrustsNoBrowser(t *testing.T) {
	t.Parallel()
	g := attacked(t)
	client := g.Client()
	for _, path := range []string{"/", "/healthz", "/metrics", "/snapshot", "/api/problems", "/debug/pprof/"} {
		status, err := request(client, "GET", "http://"+g.Admin+path, func(r *http.Request) { r.Host = "attacker.example:9080" })
		if err != nil || status != http.StatusForbidden {
			t.Errorf("%s under another name: %d, %v, want 403", path, status, err)
		}
		if status, _, err := g.Get("http://" + g.Admin + path); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d, %v, want 200", path, status, err)
		}
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://attacker.example"} {
		status, err := request(client, "POST", "http://"+g.Admin+"/api/guard/confirm", func(r *http.Request) { r.Header.Set(name, value) })
		if err != nil || status != http.StatusForbidden {
			t.Errorf("confirming with %s: %s: %d, %v, want 403", name, value, status, err)
		}
	}
}

// TestPrintedTextCantLie: names and texts that would forge a line, or hide one,
// are shown with escapes by check, at the admin endpoint and in the access log.
func TestPrintedTextCantLie(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "class.yaml", classManifest)
	write(t, dir, "web.yaml", service("web", startBackend(t, "web"))+annotated("open", "shop.test", "/", `nginx.ingress.kubernetes.io/auth-type: "x\nproblem Ingress forged\u0085\u202e\u2028\e[2K"`))
	deceptive := func(text string) bool {
		return strings.ContainsAny(text, "\u0085\u202e\u2028\x1b") || strings.Contains(text, "\nproblem Ingress forged")
	}
	_, stdout, _ := gatelodge(t, "", "check", dir)
	if deceptive(stdout) || !strings.Contains(stdout, "Ingress forged") {
		t.Errorf("check prints %q", stdout)
	}
	g := undertest.Start(t, "serve", "--manifests", dir)
	for _, path := range []string{"/snapshot", "/api/problems", "/api/hosts"} {
		if status, body, err := g.Get("http://" + g.Admin + path); err != nil || status != http.StatusOK || deceptive(body) {
			t.Errorf("%s: %d %q %v", path, status, body, err)
		}
	}
	_, err := request(g.Client(), "GET", "http://shop.test/%E2%80%AE", func(r *http.Request) { r.Header.Set("User-Agent", "a\u202eb\u0085\u2028") })
	if err != nil {
		t.Fatal(err)
	}
	g.Await("a line in the access log", func() error {
		if out := g.Stdout.String(); !strings.Contains(out, `a\u202eb\u0085\u2028`) || deceptive(out) {
			return errors.New(out)
		}
		return nil
	})
	if deceptive(g.Stderr.String()) {
		t.Errorf("the log: %q", g.Stderr.String())
	}
}
