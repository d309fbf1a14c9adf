package tls

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"sync"

	"gatelodge.dev"
)

// tickets encrypts sessions into tickets (RFC 8446 §4.6.1, RFC 5077) and knows
// its own again. Each rule for client certificates has keys of its own: a
// session holds what the client showed and for which rule, and must not be
// resumed under another, where it was asked for something else or not at all.
type tickets struct {
	keys   gatelodge.Keys
	shared bool // keys are those of all replicas; otherwise crypto/tls has its own, and renews them

	mu      sync.Mutex
	byTrust map[string]*tls.Config // by the key of the ClientTrust; only its tickets are used
}

func newTickets() *tickets { return &tickets{byTrust: make(map[string]*tls.Config)} }

// UseTicketKeys has sessions be resumed that any holder of the same keys began.
// Until it is called, only those of this process are.
func (s *Server) UseTicketKeys(keys gatelodge.Keys) {
	t := newTickets()
	t.keys, t.shared = keys, true
	s.tickets.Store(t)
}

// apply has config issue and accept the tickets of a rule, "" for those whose
// clients are asked for no certificate.
func (t *tickets) apply(config *tls.Config, trust string) error {
	keeper, err := t.keeper(trust)
	if err != nil {
		return err
	}
	config.WrapSession, config.UnwrapSession = keeper.EncryptTicket, keeper.DecryptTicket
	return nil
}

// keeper returns what encrypts the tickets of a rule. There are few rules, and
// those that are gone are forgotten with the keys.
func (t *tickets) keeper(trust string) (*tls.Config, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if keeper := t.byTrust[trust]; keeper != nil {
		return keeper, nil
	}
	keeper := new(tls.Config)
	if t.shared {
		var derived [][32]byte
		for _, key := range t.keys.All() {
			// The first encrypts, and all decrypt.
			part, err := hkdf.Key(sha256.New, key[:], nil, "gatelodge session tickets "+trust, len(key))
			if err != nil {
				return nil, err
			}
			derived = append(derived, [32]byte(part))
		}
		keeper.SetSessionTicketKeys(derived)
	}
	t.byTrust[trust] = keeper
	return keeper, nil
}
