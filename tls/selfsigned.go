package tls

import (
	"container/list"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"sync"
	"time"

	"gatelodge.dev"
)

const (
	maxSelfSigned      = 256 // kept at most; about 1 KiB each
	selfSignedLifetime = 30 * 24 * time.Hour

	// unservedName stands in the certificate for names that no host has. It is
	// reserved never to exist (RFC 6761 §6.4).
	unservedName gatelodge.Name = "gatelodge.invalid"
)

// selfSigned makes certificates for hosts that have none, and keeps the most
// recently used. All names that the snapshot doesn't have share one, so a client
// that asks for many names can't have many made. The lock is held while one is
// made, so that at most one core is busy with it.
type selfSigned struct {
	mu     sync.Mutex
	key    *ecdsa.PrivateKey // of all of them; made when first needed
	byHost map[gatelodge.Name]*list.Element
	recent list.List // of selfSignedEntry, the latest asked for in front
	now    func() time.Time
}

func newSelfSigned() *selfSigned {
	return &selfSigned{byHost: make(map[gatelodge.Name]*list.Element), now: time.Now}
}

type selfSignedEntry struct {
	host        gatelodge.Name
	certificate *tls.Certificate
}

// certificate returns the certificate for a host, "" for a name that is not
// served, and reports whether it had to be made.
func (s *selfSigned) certificate(host gatelodge.Name) (certificate *tls.Certificate, made bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e, ok := s.byHost[host]; ok {
		c := e.Value.(selfSignedEntry).certificate
		if now.Before(c.Leaf.NotAfter) {
			s.recent.MoveToFront(e)
			return c, false, nil
		}
		s.forget(e)
	}
	c, err := s.issue(host, now)
	if err != nil {
		return nil, false, fmt.Errorf("making a certificate for host %q: %w", host, err)
	}
	if s.recent.Len() >= maxSelfSigned {
		s.forget(s.recent.Back())
	}
	s.byHost[host] = s.recent.PushFront(selfSignedEntry{host, c})
	return c, true, nil
}

func (s *selfSigned) forget(e *list.Element) {
	delete(s.byHost, e.Value.(selfSignedEntry).host)
	s.recent.Remove(e)
}

func (s *selfSigned) issue(host gatelodge.Name, now time.Time) (*tls.Certificate, error) {
	if s.key == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		s.key = key
	}
	if host == "" {
		host = unservedName
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Gatelodge"}, CommonName: "self-signed: no certificate is configured"},
		DNSNames:              []string{string(host)},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(selfSignedLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, s.key.Public(), s.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: s.key, Leaf: leaf}, nil
}
