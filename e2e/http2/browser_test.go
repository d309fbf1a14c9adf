//go:build debian

package http2_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// page opens a WebSocket, waits for the answer to a message and tells it.
const page = `<!doctype html><title>page</title><script>
const socket = new WebSocket("wss://" + location.host + "/socket")
socket.onopen = () => socket.send("hello")
socket.onmessage = (m) => fetch("/told", {method: "POST", body: m.data})
socket.onerror = () => fetch("/told", {method: "POST", body: "error"})
</script>`

// TestBrowser: Chromium loads a page over HTTP/2, and its WebSocket is a stream of
// the same connection (RFC 8441).
func TestBrowser(t *testing.T) {
	told := make(chan string, 10)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, page)
		case "/socket":
			conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				told <- err.Error()
				return
			}
			defer conn.Close()
			for {
				kind, message, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(kind, append(message, " to you"...)) != nil {
					return
				}
			}
		case "/told":
			content, _ := io.ReadAll(r.Body)
			told <- string(content)
		default:
			http.NotFound(w, r)
		}
	}))
	defer backend.Close()
	s := newSite(t, "HTTP", backend.Listener.Addr().String())
	browser := &process.Process{
		Name: "Chromium", Path: "/usr/bin/chromium", Log: filepath.Join(t.TempDir(), "log"),
		Args: []string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
			"--user-data-dir=" + undertest.Folder(t), "--ignore-certificate-errors",
			fmt.Sprintf("--host-resolver-rules=MAP %s 127.0.0.1", host), "--remote-debugging-port=0",
			fmt.Sprintf("https://%s:%s/", host, portOf(t, s.HTTPS)),
		},
	}
	browser.Run(t)
	var got string
	undertest.Await(t, "the page to tell what its WebSocket was answered", func() error {
		select {
		case got = <-told:
			return nil
		default:
			return fmt.Errorf("it has told nothing")
		}
	}, browser, s)
	if got != "hello to you" {
		t.Errorf("the page tells %q", got)
	}
	undertest.Await(t, "page and WebSocket on one connection", func() error {
		metrics, err := s.Page("/metrics")
		if err == nil && !strings.Contains(metrics, `gatelodge_http_open_connections{listener="https"} 1`+"\n") {
			err = errors.New("it has not exactly one connection of HTTPS open")
		}
		return err
	}, browser, s)
	browser.Stop() // the tunnel is logged when it has ended
	undertest.Await(t, "the WebSocket in the access log", func() error {
		for line := range strings.Lines(s.Stdout.String()) {
			var request struct {
				Path, Protocol string
				Status         int
			}
			if json.Unmarshal([]byte(line), &request) != nil || request.Path != "/socket" {
				continue
			}
			if request.Protocol != "HTTP/2.0" || request.Status != 101 {
				t.Errorf("it is logged as %+v", request)
			}
			return nil
		}
		return fmt.Errorf("it is not there:\n%s", s.Stdout.Tail(20))
	}, s)
}
