package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/deploy"
	"gatelodge.dev/explain"
	"gatelodge.dev/kube/manifests"
)

// inFolder finds the file of a test, to leave its folder out.
var inFolder = regexp.MustCompile(`\(\S*/all\.yaml:`)

// explained returns what the admin endpoint of a gateway says of a URL.
func (g *gateway) explained(t *testing.T, text string) *explain.Document {
	t.Helper()
	text, client, _ := strings.Cut(text, "&client=")
	code, body := g.ask("GET", "/api/explain?url="+url.QueryEscape(text)+"&client="+client)
	body = inFolder.ReplaceAllString(body, "(all.yaml:")
	d := &explain.Document{}
	if err := json.Unmarshal([]byte(body), d); code != http.StatusOK || err != nil || !d.Whole() {
		t.Fatalf("explain %s: %d %v %s", text, code, err, body)
	}
	return d
}

// TestExplainOffline: the example is explained without a gateway. It has no
// endpoints and no certificate, which is what is wrong with it.
func TestExplainOffline(t *testing.T) {
	args := []string{"explain", "--manifests", "../../deploy/example", "--config", "../../deploy/gateway.yaml"}
	var out, errs strings.Builder
	status := run(t.Context(), append(args, "http://echo.shop.pke.example.com/x"), stdio{nil, &out, &errs})
	if status != exitFailed || errs.String() != "" {
		t.Errorf("status %d, %s", status, errs.String())
	}
	for _, want := range []string{
		"ok    Owner              namespace shop has the name by Ingress shop/echo",
		"ok    DNS, view default  echo.shop.pke.example.com leads to this gateway: 192.0.2.10\n",
		"ok    Route              Prefix / by Ingress shop/echo",
		"STOP  Backend            requests are answered with 503: Service shop/echo has no endpoints",
		"                         do: check the pods",
		"\nIt stops at \"Backend\".\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("there are colours, but no terminal")
	}
	out.Reset()
	status = run(t.Context(), append(args, "-o", "json", "wiki.pke.example.com"), stdio{nil, &out, &errs})
	var d explain.Document
	if err := json.Unmarshal([]byte(out.String()), &d); err != nil || status != exitFailed || d.Cause.Kind != explain.Owner {
		t.Errorf("status %d, %v: %s", status, err, out.String())
	}
}

// TestExplainCommandLine: what is not valid is said, with status 2.
func TestExplainCommandLine(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "explain takes one URL or name, got 0 arguments"},
		{"ftp://a.example.com/", `"ftp://a.example.com/" is not a valid URL, write http:// or https:// before the name`},
		{"a..example.com", `"a..example.com" is not a valid name`},
		{"https://a.example.com:0/", `"0" is not a valid port, write a number from 1 to 65535`},
		{"--client here a.example.com", `"here" is not a valid address of a client`},
		{"-o yaml a.example.com", `--output: "yaml" is not a valid format, write text or json`},
		{"--config x a.example.com", "--config needs --manifests"},
	} {
		var errs strings.Builder
		if status := run(t.Context(), append([]string{"explain"}, strings.Fields(c.args)...), stdio{nil, &errs, &errs}); status != exitUsage || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%q: status %d, %s, expected %q", c.args, status, errs.String(), c.want)
		}
	}
}

// TestExplainDemo: of the host that the demo breaks on purpose, the marked line
// names the cause and what to do, and the README has the command that asks.
func TestExplainDemo(t *testing.T) {
	config, err := deploy.Files.ReadFile("gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := errors.Join(copyExamples(dir), os.WriteFile(filepath.Join(dir, "broken.yaml"), demoBroken, 0o600)); err != nil {
		t.Fatal(err)
	}
	objs, err := manifests.ReadPaths([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parseConfig(config, "gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(cfg, nil, io.Discard, slog.New(slog.NewTextHandler(t.Output(), nil)))
	g.rebuild(objs, time.Now())
	d := g.explained(t, "http://basket.shop.pke.example.com") // the demo's own certificate is not here
	if d.State != explain.Broken || d.Cause.Kind != explain.Backend ||
		!strings.Contains(d.Cause.Text, "broken.yaml:3): Service shop/echo has no TCP port web, it has 80 (http)") || d.Cause.Do == "" {
		t.Errorf("%+v", d.Cause)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil || !strings.Contains(string(readme), "gatelodge explain https://basket.shop.pke.example.com:8443/\n") {
		t.Error("the README does not say how to find out")
	}
}
