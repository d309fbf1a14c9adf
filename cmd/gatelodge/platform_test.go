package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
)

// TestKeptForOtherPrograms: without a cluster the account with the first CA is in a
// folder of autocert, and that with no other CA.
func TestKeptForOtherPrograms(t *testing.T) {
	folder := t.TempDir()
	cfg := parsedConfig(t, `
acme: {directory: "https://first.example/directory", fallbacks: [{directory: "https://second.example/directory"}]}
`)
	g := newGateway(cfg, nil, io.Discard, slog.New(slog.DiscardHandler))
	kubetest.Must(t, g.keepIn(t.Context(), folder))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	kubetest.Must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	kubetest.Must(t, err)
	item := gatelodge.Item{Data: map[string][]byte{gatelodge.AccountKeyPart: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}}
	for _, c := range []struct {
		directory string
		written   bool
	}{{"https://second.example/directory", false}, {"https://first.example/directory", true}} {
		account := gatelodge.Account{Directory: c.directory}
		_, err := g.store.Put(t.Context(), account.Item(), item)
		kubetest.Must(t, err)
		_, err = os.Stat(filepath.Join(folder, "autocert", "acme_account+key"))
		if (err == nil) != c.written {
			t.Errorf("after the account at %s: %v", c.directory, err)
		}
	}
}
