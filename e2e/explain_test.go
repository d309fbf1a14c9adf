package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// TestExplainTraffic: what only requests show is a mark in the line where they stop: a
// redirect loop behind a proxy that is not trusted, and endpoints that refuse.
func TestExplainTraffic(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	ca := undertest.NewCA(t, "the company")
	write(t, folder, "all.yaml", classManifest+service("app", startBackend(t, "the app"))+service("dead", undertest.RefusedPort(t))+
		ca.Server(t, "app.pke.example.com").Secret("shop", "app")+
		ingress("app", "app.pke.example.com", "app", "app")+ingress("dead", "dead.pke.example.com", "dead", ""))
	g := serve(t, folder, zoneConfig)

	for _, test := range []struct {
		url    string
		status int
		kind   string // of the step that is marked
		words  string
	}{
		{"http://app.pke.example.com/", 308, "redirect", "127.0.0.1 is not in trust.forwarded"},
		{"http://dead.pke.example.com/", 502, "backend", "connection refused"},
	} {
		request, err := http.NewRequest(http.MethodGet, test.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-Proto", "https")
		response, err := g.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.status {
			t.Errorf("%s answers %d", test.url, response.StatusCode)
		}
		page, err := g.Page("/api/explain?url=" + url.QueryEscape(test.url))
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Cause *struct{ Kind, Text, Do string }
		}
		if err := json.Unmarshal([]byte(page), &document); err != nil {
			t.Fatal(err)
		}
		if c := document.Cause; c == nil || c.Kind != test.kind || !strings.Contains(c.Text, test.words) || c.Do == "" {
			t.Errorf("%s is explained by %+v:\n%s", test.url, c, page)
		}
	}
}
