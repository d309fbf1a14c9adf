package tls

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"sync"

	"gatelodge.dev"
)

// tickets encrypts sessions into tickets (RFC 8446 §4.6.1, RFC 5077) and
// decrypts them. Each ClientTrust has keys of its own: a session holds the
// client's certificate, and must not be resumed where another one, or none, was
// asked for.
type tickets struct {
	keys   gatelodge.Keys
	shared bool // use keys, shared by all replicas; otherwise crypto/tls makes and rotates its own

	mu      sync.Mutex
	byTrust map[string]*tls.Config // by ClientTrust.Key; used for tickets only
}

func newTickets() *tickets { return &tickets{byTrust: make(map[string]*tls.Config)} }

// UseTicketKeys makes sessions resumable at every process with the same keys.
// Until it is called, only this process resumes its sessions.
func (s *Server) UseTicketKeys(keys gatelodge.Keys) {
	t := newTickets()
	t.keys, t.shared = keys, true
	s.tickets.Store(t)
}

// apply makes config issue and accept the tickets of a ClientTrust, given by its
// key; "" is for hosts that don't ask for a certificate.
func (t *tickets) apply(config *tls.Config, trust string) error {
	crypter, err := t.crypter(trust)
	if err != nil {
		return err
	}
	config.WrapSession, config.UnwrapSession = crypter.EncryptTicket, crypter.DecryptTicket
	return nil
}

// crypter returns the configuration that encrypts the tickets of a ClientTrust.
// There are few, and old ones are dropped when the keys are replaced.
func (t *tickets) crypter(trust string) (*tls.Config, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if crypter := t.byTrust[trust]; crypter != nil {
		return crypter, nil
	}
	crypter := new(tls.Config)
	if t.shared {
		var derived [][32]byte
		for _, key := range t.keys.All() {
			// The first one encrypts, all of them decrypt.
			part, err := hkdf.Key(sha256.New, key[:], nil, "gatelodge session tickets "+trust, len(key))
			if err != nil {
				return nil, err
			}
			derived = append(derived, [32]byte(part))
		}
		crypter.SetSessionTicketKeys(derived)
	}
	t.byTrust[trust] = crypter
	return crypter, nil
}
