package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

// gatelodge runs a command to its end and returns its exit code and output.
func gatelodge(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	command := exec.Command(undertest.Binary(), args...)
	var out, err bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &err
	var exit *exec.ExitError
	if e := command.Run(); errors.As(e, &exit) {
		code = exit.ExitCode()
	} else if e != nil {
		t.Fatal(e)
	}
	return code, out.String(), err.String()
}

// badInputs are mistakes that people make, each in a file of its own, and what
// they are told.
var badInputs = []struct {
	idea, file, text string
	reason           string
	says             []string // parts of the problem's line
}{
	{
		idea:   "YAML that does not parse",
		file:   "broken.yaml",
		text:   "kind: Ingress\nmetadata: {name: broken\nspec:\n",
		reason: "BadManifest",
		says:   []string{"broken.yaml"},
	},
	{
		idea:   "an Ingress to a missing Service",
		file:   "missing-service.yaml",
		text:   ingress("lost", "lost.pke.example.com", "nowhere", ""),
		reason: "BackendMissing",
		says:   []string{"Ingress shop/lost", "missing-service.yaml", "nowhere"},
	},
	{
		idea:   "a Secret without a valid key pair",
		file:   "bad-secret.yaml",
		text:   "---\napiVersion: v1\nkind: Secret\nmetadata: {name: junk, namespace: shop}\ntype: kubernetes.io/tls\nstringData: {tls.crt: hello, tls.key: world}\n" + ingress("junk", "junk.pke.example.com", "good", "junk"),
		reason: "BadSecret",
		says:   []string{"Ingress shop/junk", "bad-secret.yaml", "shop/junk"},
	},
	{
		idea:   "an unknown class",
		file:   "unknown-class.yaml",
		text:   strings.ReplaceAll(ingress("classy", "classy.pke.example.com", "good", ""), "ingressClassName: gatelodge", "ingressClassName: gatelogde"),
		reason: "UnknownClass",
		says:   []string{"Ingress shop/classy", "unknown-class.yaml", "gatelogde"},
	},
	{
		idea:   "an annotation that does not parse",
		file:   "bad-annotation.yaml",
		text:   strings.ReplaceAll(ingress("typo", "typo.pke.example.com", "good", ""), "namespace: shop}", `namespace: shop, annotations: {gatelodge.dev/ssl-redirect: "maybe"}}`),
		reason: "BadAnnotation",
		says:   []string{"Ingress shop/typo", "gatelodge.dev/ssl-redirect", "maybe"},
	},
}

// goodFolder writes a folder with one good host, and returns it and the
// configuration with the zone.
func goodFolder(t *testing.T) (dir, config string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, "class.yaml", classManifest)
	write(t, dir, "good.yaml", service("good", startBackend(t, "good"))+ingress("good", "good.pke.example.com", "good", ""))
	config = filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(config, []byte(zoneConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, config
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	dir, config := goodFolder(t)
	code, stdout, stderr := gatelodge(t, "", "check", "--config", config, dir)
	if code != 0 || !strings.Contains(stdout, "host good.pke.example.com owner=shop") {
		t.Fatalf("a good folder: exit %d\n%s%s", code, stdout, stderr)
	}
	for _, c := range badInputs {
		t.Run(c.idea, func(t *testing.T) {
			write(t, dir, c.file, c.text)
			defer os.Remove(filepath.Join(dir, c.file))
			code, stdout, stderr := gatelodge(t, "", "check", "--config", config, dir)
			if code != 1 || !strings.Contains(stdout, "host good.pke.example.com owner=shop") {
				t.Errorf("exit %d, want 1, and the good host all the same\n%s%s", code, stdout, stderr)
			}
			var line string
			for l := range strings.Lines(stdout) {
				if strings.HasPrefix(l, "problem ") && strings.Contains(l, ": "+c.reason+": ") {
					line = l
				}
			}
			for _, part := range c.says {
				if !strings.Contains(line, part) {
					t.Errorf("the problem does not say %q: %q\n%s", part, line, stdout)
				}
			}
		})
	}
}

// TestBadInputStopsNothingGood puts all mistakes into a served folder at once.
func TestBadInputStopsNothingGood(t *testing.T) {
	t.Parallel()
	dir, config := goodFolder(t)
	g := undertest.Start(t, "serve", "--manifests", dir, "--config", config)
	good := func(when string) {
		t.Helper()
		if status, body, err := g.Get("http://good.pke.example.com/"); err != nil || status != http.StatusOK || body != "good" {
			t.Errorf("%s: %d %q %v", when, status, body, err)
		}
	}
	good("before")
	metric := func(reason string) string { return `gatelodge_problems{reason="` + reason + `"} 1` }
	awaitMetrics := func(what string, present bool, reasons ...string) {
		t.Helper()
		g.Await(what, func() error {
			_, body, err := g.Get("http://" + g.Admin + "/metrics")
			if err != nil {
				return err
			}
			for _, r := range reasons {
				if strings.Contains(body, metric(r)) != present {
					return errors.New(r + " is not as it should be")
				}
			}
			return nil
		})
	}
	var reasons []string
	for _, c := range badInputs {
		write(t, dir, c.file, c.text)
		reasons = append(reasons, c.reason)
	}
	awaitMetrics("a metric for each problem", true, reasons...)
	good("with mistakes around it")
	for _, c := range badInputs {
		g.Await(c.idea+" to be logged", func() error {
			for line := range strings.Lines(g.Stderr.String()) {
				if strings.Contains(line, "reason="+c.reason) && strings.Contains(line, c.says[0]) {
					return nil
				}
			}
			return fmt.Errorf("the log does not say %s of %s", c.reason, c.says[0])
		})
	}
	if status, body, _ := g.Get("http://lost.pke.example.com/"); status != http.StatusServiceUnavailable {
		t.Errorf("a host whose Service is missing: %d %s, want 503", status, body)
	}
	if _, body, _ := g.Get("http://" + g.Admin + "/api/problems"); !strings.Contains(body, `"reason": "BackendMissing"`) {
		t.Errorf("the admin endpoint does not show the problems: %s", body)
	}

	// A file that was good and no longer parses keeps what it had.
	write(t, dir, "good.yaml", "kind: [\n")
	g.Await("the broken file to be seen", func() error {
		if _, body, _ := g.Get("http://" + g.Admin + "/api/problems"); !strings.Contains(body, "good.yaml") {
			return errors.New(body)
		}
		return nil
	})
	good("with its own file broken")

	// So does a configuration.
	os.WriteFile(config, []byte(zoneConfig+"colour: blue\n"), 0o600)
	awaitMetrics("the bad configuration to be told", true, "BadConfig")
	if _, body, _ := g.Get("http://" + g.Admin + "/api/problems"); !strings.Contains(body, "colour") || !strings.Contains(body, ":8") {
		t.Errorf("the problem names not both key and line: %s", body)
	}
	good("with a bad configuration")
	os.WriteFile(config, []byte(zoneConfig), 0o600)
	awaitMetrics("the configuration to be good again", false, "BadConfig")
}

func TestBadConfigurationIsRefused(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "gateway.yaml")
	for _, c := range []struct {
		idea, text string
		says       []string
	}{
		{"an unknown key", "apiVersion: gatelodge.dev/v1alpha1\nkind: GatewayConfig\ncolour: blue\n", []string{"gateway.yaml", ":3", "colour"}},
		{"a wrong type", "apiVersion: gatelodge.dev/v1alpha1\nkind: GatewayConfig\ntimeouts: {header: soon}\n", []string{"gateway.yaml", "header", "soon"}},
		{"a part that lacks another", "apiVersion: gatelodge.dev/v1alpha1\nkind: GatewayConfig\ndns: {zones: [{name: a.example, transfer: {to: [192.0.2.0/24]}}]}\n", []string{"gateway.yaml", ":3", "transfer", "tsigSecret and tsigFile are missing"}},
	} {
		t.Run(c.idea, func(t *testing.T) {
			if err := os.WriteFile(config, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"check", "--config", config, dir}, {"serve", "--manifests", dir, "--config", config}} {
				code, _, stderr := gatelodge(t, "", args...)
				if code != 1 {
					t.Errorf("%s: exit %d, want 1", args[0], code)
				}
				for _, part := range c.says {
					if !strings.Contains(stderr, part) {
						t.Errorf("%s does not say %q: %s", args[0], part, stderr)
					}
				}
				if strings.Contains(stderr, "goroutine") {
					t.Errorf("%s printed a stack trace: %s", args[0], stderr)
				}
			}
		})
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		idea   string
		args   []string
		stdin  string
		code   int
		stdout string
		stderr string
	}{
		{idea: "version", args: []string{"version"}, stdout: "commit "},
		{idea: "help", args: []string{"--help"}, stdout: "Available Commands"},
		{idea: "help has examples", args: []string{"check", "--help"}, stdout: "Examples:"},
		{idea: "completion", args: []string{"completion", "bash"}, stdout: "gatelodge"},
		{idea: "the examples are good", args: []string{"check", "../deploy/example"}, stdout: "host echo.shop.pke.example.com owner=shop"},
		{idea: "the examples are good in their zone", args: []string{"check", "../deploy/example", "--config", "../deploy/gateway.yaml"}, stdout: "echo.shop.pke.example.com. 60 IN A 192.0.2.10"},
		{idea: "standard input", args: []string{"check", "-"}, stdin: classManifest + ingress("a", "a.example", "none", ""), code: 1, stdout: "Ingress shop/a", stderr: "1 problem"},
		{idea: "an unknown command", args: []string{"sevre"}, code: 2, stderr: `"sevre"`},
		{idea: "an unknown flag", args: []string{"serve", "--manifest", "x"}, code: 2, stderr: "--manifest"},
		{idea: "nothing to serve", args: []string{"serve"}, code: 2, stderr: "--manifests"},
		{idea: "a folder that is not there", args: []string{"serve", "--manifests", "/nonexistent", "--admin", "127.0.0.1:0"}, code: 1, stderr: "/nonexistent"},
		{idea: "a file that is not there", args: []string{"check", "/nonexistent.yaml"}, code: 1, stderr: "/nonexistent.yaml"},
		{idea: "a configuration that is not there", args: []string{"check", "--config", "/nonexistent.yaml", "."}, code: 1, stderr: "/nonexistent.yaml"},
	} {
		t.Run(c.idea, func(t *testing.T) {
			code, stdout, stderr := gatelodge(t, c.stdin, c.args...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("gatelodge %s: exit %d\n%.1000s\n%s", strings.Join(c.args, " "), code, stdout, stderr)
			}
		})
	}
}
