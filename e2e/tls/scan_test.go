//go:build debian

package tls_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// accepted are the findings that are worse than nginx's, each with the reason
// for which it stays.
func accepted() map[string]string {
	return map[string]string{
		"TLS_session_ticket": "crypto/tls says of each ticket that it is good for seven days, and the gateway has dropped its key after one",
	}
}

// TestNothingWorseThanNginx scans the gateway and an nginx with the settings
// that hardening guides recommend, and compares finding by finding. testssl.sh also
// finds something where an answer came late because it or a server got no CPU time,
// so what is wrong has to be found each time.
func TestNothingWorseThanNginx(t *testing.T) {
	site := newSite(t)
	addresses := []string{startGateway(t, site), startNginx(t, site)}
	var wrong []string
	for range 3 {
		found := make([]map[string]finding, len(addresses))
		errs := make([]error, len(addresses))
		var scans sync.WaitGroup
		for i, address := range addresses {
			dir := t.TempDir()
			scans.Go(func() { found[i], errs[i] = scan(t.Context(), dir, site, address) })
		}
		scans.Wait()
		if err := errors.Join(errs...); err != nil {
			wrong = []string{err.Error()}
		} else if wrong = compare(found[0], found[1]); len(wrong) == 0 {
			return
		}
		t.Log(strings.Join(wrong, "\n"))
	}
	t.Error(strings.Join(wrong, "\n"))
}

// compare says what is wrong with the findings of the gateway.
func compare(gateway, nginx map[string]finding) (wrong []string) {
	exceptions := accepted()
	for id, ours := range gateway {
		theirs := nginx[id]
		switch {
		case ours.rank() <= theirs.rank():
		case exceptions[id] != "":
			delete(exceptions, id)
		default:
			wrong = append(wrong, fmt.Sprintf("%s is worse than nginx's:\n%s\n%s", id, ours, theirs))
		}
	}
	for id := range exceptions {
		wrong = append(wrong, id+" is no longer worse than nginx's, so it needs no exception")
	}
	for id, want := range map[string]string{
		"SSLv2": "not offered", "SSLv3": "not offered", "TLS1": "not offered", "TLS1_1": "not offered",
		"TLS1_2": "offered", "TLS1_3": "offered with final", "HSTS_time": "365 days", "ALPN_HTTP2": "h2",
	} {
		if !strings.HasPrefix(gateway[id].Finding, want) {
			wrong = append(wrong, fmt.Sprintf("%s: %q, want %q", id, gateway[id].Finding, want))
		}
	}
	return wrong
}

// finding is a line of testssl.sh's report.
type finding struct{ ID, Severity, Finding string }

func (f finding) String() string { return f.Severity + ": " + f.Finding }

// rank orders severities. WARN is about the scan, not about the server.
func (f finding) rank() int {
	switch f.Severity {
	case "", "OK", "INFO", "WARN", "DEBUG":
		return 0
	case "LOW":
		return 1
	case "MEDIUM":
		return 2
	case "HIGH":
		return 3
	}
	return 4
}

// scan returns what testssl.sh finds, the worst for each of its ids.
func scan(ctx context.Context, dir string, site *site, address string) (map[string]finding, error) {
	file := filepath.Join(dir, "report.json")
	_, port, _ := strings.Cut(address, ":")
	command := exec.CommandContext(ctx, "testssl", "--quiet", "--color", "0", "--warnings", "off",
		"--nodns", "none", "--ip", "127.0.0.1", "--add-ca", site.ca, "--jsonfile", file,
		"--protocols", "--std", "--fs", "--server-preference", "--server-defaults", "--headers", "--vulnerable",
		host+":"+port)
	output, err := command.CombinedOutput()
	var findings []finding
	text, readErr := os.ReadFile(file)
	if readErr == nil {
		readErr = json.Unmarshal(text, &findings)
	}
	if readErr != nil || len(findings) < 50 {
		return nil, fmt.Errorf("testssl.sh on %s: %v, %v, %d findings\n%s", address, err, readErr, len(findings), output)
	}
	worst := make(map[string]finding)
	for _, f := range findings {
		if have, ok := worst[f.ID]; !ok || f.rank() > have.rank() {
			worst[f.ID] = f
		}
	}
	return worst, nil
}

// TestKeyExchange: what testssl.sh does not know yet.
func TestKeyExchange(t *testing.T) {
	address := startGateway(t, newSite(t))
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if state := conn.ConnectionState(); state.CurveID != tls.X25519MLKEM768 {
		t.Errorf("the keys are exchanged by %s, want X25519MLKEM768", state.CurveID)
	}
}

// TestOldVersionsAreRefused by a client of another make, which says why.
func TestOldVersionsAreRefused(t *testing.T) {
	address := startGateway(t, newSite(t))
	for version, want := range map[string]bool{"-tls1": false, "-tls1_1": false, "-tls1_2": true, "-tls1_3": true} {
		// The lowest level of security, or openssl would refuse the old ones itself.
		command := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", address, "-servername", host, version, "-cipher", "ALL:@SECLEVEL=0")
		output, err := command.CombinedOutput()
		if (err == nil) != want {
			t.Errorf("%s: %v, want it accepted: %t\n%s", version, err, want, output)
		}
		if !want && !strings.Contains(string(output), "alert protocol version") {
			t.Errorf("%s: the gateway's reason is not that of RFC 8446 §6.2:\n%s", version, fmt.Sprintf("%.600s", output))
		}
	}
}
