package acme_test

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev/e2e/pebble"
)

// TestAccountKeyChange: an account whose key has reached its age gets another one (RFC
// 8555 §7.3.5) and stays the same account, although the gateway is killed before it
// learns that the CA has changed the key.
func TestAccountKeyChange(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.configure("accountKeyAge: 24h")
	s.ask("first.example.test")
	s.start()
	s.Await("a certificate", func() error { return s.accepted("first.example.test") })
	s.Stop()
	file, item := s.account()
	before, oldKey := s.accountOf(item["key"]), item["key"]
	item["made"] = []byte(time.Now().Add(-25 * time.Hour).UTC().Format(time.RFC3339))
	text, err := json.Marshal(item)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}

	var changed atomic.Bool
	s.proxy.SetFault(func(step pebble.Step) error {
		if step.Kind == pebble.KeyChange && step.After && step.Status < 300 {
			changed.Store(true)
			return pebble.Broken
		}
		return nil
	})
	s.ask("first.example.test", "second.example.test")
	s.start()
	s.Await("the CA to change the key", func() error {
		if !changed.Load() {
			return errors.New("it has not")
		}
		return nil
	})
	s.Kill()
	s.proxy.SetFault(nil)
	s.start()
	s.Await("a certificate by the other key", func() error { return s.accepted("second.example.test") })
	s.AwaitLog("the key of an ACME account was changed")
	_, item = s.account()
	if after := s.accountOf(item["key"]); after != before || before == "" {
		t.Errorf("the new key is that of account %q, want %q", after, before)
	}
	if a := s.accountOf(oldKey); a != "" {
		t.Errorf("the old key is still that of account %s", a)
	}
	orders, _ := s.proxy.Orders()
	if accounts := s.proxy.Count(pebble.NewAccount); orders != 2 || accounts != 1 {
		t.Errorf("the CA saw %d orders and made %d accounts, want 2 and 1", orders, accounts)
	}
}

// account returns the file that the gateway keeps its only account in, and its parts.
func (s *site) account() (file string, parts map[string][]byte) {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "state", "items", "acme-account-*"))
	if err != nil || len(files) != 1 {
		s.t.Fatalf("the files of accounts are %q, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err == nil {
		err = json.Unmarshal(text, &parts)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return files[0], parts
}

// owner is a client of the account that has a key.
func (s *site) owner(key []byte) *acme.Client {
	s.t.Helper()
	block, _ := pem.Decode(key)
	if block == nil {
		s.t.Fatal("the account's key is not PEM")
	}
	signer, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	return &acme.Client{Key: signer.(crypto.Signer), DirectoryURL: s.proxy.Directory, HTTPClient: s.trusting()}
}

// accountOf returns the URL of the account that has a key, "" if none has it.
func (s *site) accountOf(key []byte) string {
	s.t.Helper()
	account, err := s.owner(key).GetReg(s.t.Context(), "")
	if errors.Is(err, acme.ErrNoAccount) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return account.URI
}
