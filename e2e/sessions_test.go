package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
)

// TestSessionsSurviveARestart: with a folder for the state, which other users can't
// read.
func TestSessionsSurviveARestart(t *testing.T) {
	t.Parallel()
	manifests, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	ca := undertest.NewCA(t, "e2e CA")
	secret, _ := tlsSecret(t, ca, "site", "web.pke.example.com")
	write(t, manifests, "all.yaml", classManifest+ingress("web", "web.pke.example.com", "web", "site")+service("web", startBackend(t, "web"))+"---\n"+secret)
	config := zoneConfig + fmt.Sprintf("state: %q\n", state)
	// session makes a connection that offers a session, and returns the one to
	// offer next.
	session := func(g *undertest.Gateway, offered *tls.ClientSessionState) (next *tls.ClientSessionState, resumed bool, err error) {
		cache := &undertest.OneSession{Session: offered}
		conn, err := tls.Dial("tcp", g.HTTPS, &tls.Config{RootCAs: ca.Pool(), ServerName: "web.pke.example.com", ClientSessionCache: cache})
		if err != nil {
			return nil, false, err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		if _, err := fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: web.pke.example.com\r\nConnection: close\r\n\r\n"); err != nil {
			return nil, false, err
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the ticket comes before the answer
			return nil, false, err
		}
		return cache.Session, conn.ConnectionState().DidResume, nil
	}

	g := serve(t, manifests, config)
	stored := filepath.Join(state, "items", "tickets.json")
	g.Await("the keys to be stored", func() error {
		if files, err := filepath.Glob(stored); err != nil || len(files) == 0 {
			return fmt.Errorf("%s: there is none: %v", stored, err)
		}
		return nil
	})
	undertest.Await(t, "a session to go on after a restart", func() error {
		begun, _, err := session(g, nil) // maybe before the stored keys were taken over
		if err != nil {
			t.Fatal(err)
		}
		g.Stop()
		g = serve(t, manifests, config)
		for range 10 { // maybe before the stored keys were taken over
			_, resumed, err := session(g, begun)
			if err != nil {
				t.Fatal(err)
			}
			if resumed {
				return nil
			}
		}
		return errors.New("the session was not resumed")
	})

	err := filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s may be read by others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
