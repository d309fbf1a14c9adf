package acme_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// TestDemo: "gatelodge demo --acme" gets its certificates from the CA, one for all
// hosts with the same parent, and says how to look at them.
func TestDemo(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.ca.Resolver.SetZone("pke.example.com", s.DNS)
	s.Run(append([]string{"demo", "--acme", s.proxy.Directory, "--acme-ca", s.ca.RootsFile()}, s.Flags()...)...)
	s.AwaitReady()
	for host, want := range map[string]string{
		"echo.shop.pke.example.com": "*.shop.pke.example.com", "report.marketing.pke.example.com": "*.marketing.pke.example.com",
		"branch-7.preview.shop.pke.example.com": "*.preview.shop.pke.example.com",
	} {
		s.Await("the certificate of "+host, func() error { return s.accepted(host) })
		if leaf, err := s.Accepted(host); err != nil || !slices.Equal(leaf.DNSNames, []string{want}) {
			t.Errorf("%s is shown a certificate for %v, want %s: %v", host, leaf, want, err)
		}
	}
	for _, line := range []string{"Certificates are ordered from " + s.proxy.Directory, "pebble -dnsserver " + s.DNS} {
		if !strings.Contains(s.Stdout.String(), line) {
			t.Errorf("it does not print %q:\n%s", line, s.Stdout.String())
		}
	}

	refused := exec.CommandContext(t.Context(), undertest.Binary(), "demo", "--acme-ca", s.ca.RootsFile())
	refused.WaitDelay = 10 * time.Second
	if out, err := refused.CombinedOutput(); refused.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "--acme") {
		t.Errorf("--acme-ca alone: %v %s", err, out)
	}
}
