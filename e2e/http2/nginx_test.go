//go:build debian

package http2_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// TestNothingIsLostWithNginx: an nginx as it comes ends each connection over
// HTTP/2 after a thousand requests, whatever is on its way to it then.
func TestNothingIsLostWithNginx(t *testing.T) {
	const total, atATime = 5000, 24
	dir, address := t.TempDir(), undertest.FreeAddress(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "nginx.conf")
	undertest.WriteFile(t, file, strings.NewReplacer("DIR", dir, "ADDRESS", address).Replace(`
master_process off;
worker_processes 1;
daemon off;
pid DIR/pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  server {
    listen ADDRESS http2;
    return 200 "taken\n";
  }
}
`))
	path, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err)
	}
	nginx := &process.Process{Name: "nginx", Path: path, Args: []string{"-e", "stderr", "-c", file}, Log: filepath.Join(dir, "log")}
	nginx.Run(t)
	awaitServer(t, address, nginx)
	s := newSite(t, "H2C", address)

	client := s.Client()
	var next, lost atomic.Int64
	var clients sync.WaitGroup
	for range atATime {
		clients.Go(func() {
			for i := next.Add(1); i <= total; i = next.Add(1) {
				err := func() error {
					answer, err := client.Post("https://"+host+"/", "text/plain", bytes.NewReader(make([]byte, i%5000)))
					if err != nil {
						return err
					}
					defer answer.Body.Close()
					if content, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != 200 || string(content) != "taken\n" {
						return fmt.Errorf("%s: %q, %v", answer.Status, content, err)
					}
					return nil
				}()
				if err != nil && lost.Add(1) < 10 {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	if lost.Load() > 0 {
		t.Errorf("%d of %d lost", lost.Load(), total)
	}
}
