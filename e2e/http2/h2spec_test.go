//go:build debian

package http2_test

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestH2Spec runs all of h2spec, the strict tests as well, on both listeners.
func TestH2Spec(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer backend.Close()
	s := newSite(t, "HTTP", backend.Listener.Addr().String())
	for _, c := range []struct {
		name   string
		args   []string
		failed []string // marked with a cross
	}{
		// What does not begin like HTTP/2 is HTTP/1.1 there, and answered with 400
		// before the connection ends, which h2spec can't read.
		{"clear text", []string{"--port", portOf(t, s.HTTP)}, []string{"2: Sends invalid connection preface"}},
		{"TLS", []string{"--port", portOf(t, s.HTTPS), "--tls", "--insecure"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			output, _ := exec.Command(program(t, "h2spec"), append(c.args, "--strict", "--host", "localhost", "--timeout", "30")...).CombinedOutput()
			_, results, _ := strings.Cut(string(output), "\nFinished in")
			var failed []string
			for line := range strings.Lines(string(output)) {
				if _, what, found := strings.Cut(line, "× "); found && !slices.Contains(failed, strings.TrimSpace(what)) {
					failed = append(failed, strings.TrimSpace(what))
				}
			}
			if !strings.Contains(results, " 0 skipped") || !slices.Equal(failed, c.failed) {
				t.Errorf("failed are %q, expected %q\n%s", failed, c.failed, output)
			}
		})
	}
}
