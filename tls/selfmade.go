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
	selfMadeCertificates = 256 // kept at most; about 1 KiB each
	selfMadeLifetime     = 30 * 24 * time.Hour

	// nobody is the name in the certificate for names that no host has. It is
	// reserved never to exist (RFC 6761 §6.4).
	nobody gatelodge.Name = "gatelodge.invalid"
)

// selfMade makes certificates for hosts that have none, and keeps the latest
// asked for. Which names exist is the snapshot's decision, so a stranger who
// asks for many names that do not exist gets the same one for all. Making one
// holds the lock: however many ask, one core at most is busy with it.
type selfMade struct {
	mu     sync.Mutex
	key    *ecdsa.PrivateKey // of all of them; made when first needed
	byHost map[gatelodge.Name]*list.Element
	recent list.List // of madeFor, the latest asked for in front
	now    func() time.Time
}

func newSelfMade() *selfMade {
	return &selfMade{byHost: make(map[gatelodge.Name]*list.Element), now: time.Now}
}

type madeFor struct {
	host        gatelodge.Name
	certificate *tls.Certificate
}

// certificate returns the certificate for a host, "" for one that is not
// served, and tells whether it had to be made.
func (s *selfMade) certificate(host gatelodge.Name) (certificate *tls.Certificate, made bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e, ok := s.byHost[host]; ok {
		c := e.Value.(madeFor).certificate
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
	if s.recent.Len() >= selfMadeCertificates {
		s.forget(s.recent.Back())
	}
	s.byHost[host] = s.recent.PushFront(madeFor{host, c})
	return c, true, nil
}

func (s *selfMade) forget(e *list.Element) {
	delete(s.byHost, e.Value.(madeFor).host)
	s.recent.Remove(e)
}

func (s *selfMade) issue(host gatelodge.Name, now time.Time) (*tls.Certificate, error) {
	if s.key == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		s.key = key
	}
	if host == "" {
		host = nobody
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"Gatelodge"}, CommonName: "self-made: no certificate is configured"},
		DNSNames:              []string{string(host)},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(selfMadeLifetime),
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
