package compile

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Good returns the Secrets that the last Build could read certificates from,
// those of earlier ones included that it was given. As Objects.Good of the next
// Build they make it remember.
func (b *Builder) Good() *objects.GoodSecrets {
	s := b.last.secrets
	if s == nil {
		return nil
	}
	if s.found != nil && s.foundOf == len(s.keyPairs) {
		return s.found
	}
	good := &objects.GoodSecrets{ByName: make(map[types.NamespacedName]*corev1.Secret, len(s.keyPairs))}
	for name, pair := range s.keyPairs {
		if pair.from != nil {
			good.ByName[name] = pair.from
		}
	}
	s.found, s.foundOf = good, len(s.keyPairs)
	return good
}

// secrets finds Secrets by name and remembers the certificates read from them,
// because parsing keys is dear and Secrets change seldom.
type secrets struct {
	list     []*corev1.Secret
	byName   map[types.NamespacedName]*corev1.Secret
	good     *objects.GoodSecrets
	keyPairs map[types.NamespacedName]*keyPair
	broken   []types.NamespacedName // of keyPairs
	found    *objects.GoodSecrets   // what Good returned last, of the first foundOf of keyPairs
	foundOf  int
}

// keyPair is what a TLS Secret was read as.
type keyPair struct {
	version   objects.Version
	before    *corev1.Secret         // what the Secret was when it was last good, if it is something else now
	from      *corev1.Secret         // which of the two was read; nil: neither is good
	own       *gatelodge.Certificate // for the Ingresses that name the Secret; nil: there is none
	byDefault *gatelodge.Certificate // for every host
	err       error                  // what is wrong with the Secret as it is now
}

// problem says what is wrong, and what is served in spite of it.
func (p *keyPair) problem() string {
	if p.own == nil {
		return p.err.Error()
	}
	return p.err.Error() + "; the certificate that it held before is still served"
}

// newSecrets indexes the Secrets and keeps from last what was read of those
// that are still there.
func newSecrets(objs *objects.Objects, last *secrets) *secrets {
	if last != nil && slices.Equal(last.list, objs.Secrets) && last.remembers(objs.Good) {
		return last
	}
	s := &secrets{
		list:     objs.Secrets,
		good:     objs.Good,
		byName:   make(map[types.NamespacedName]*corev1.Secret, len(objs.Secrets)),
		keyPairs: make(map[types.NamespacedName]*keyPair),
	}
	for _, secret := range objs.Secrets {
		s.byName[objects.NameOf(&secret.ObjectMeta)] = secret
	}
	if last != nil {
		for name, pair := range last.keyPairs {
			if secret := s.byName[name]; secret != nil && pair.version == objs.VersionOf(&secret.ObjectMeta) &&
				(pair.err == nil || pair.before == s.before(name)) {
				s.add(name, pair)
			}
		}
	}
	return s
}

// before returns what the Secret of this name was when it was last good, if it
// is something else now.
func (s *secrets) before(name types.NamespacedName) *corev1.Secret {
	if good := s.good.Of(name); good != s.byName[name] {
		return good
	}
	return nil
}

// remembers tells whether nothing that is in use is remembered otherwise in
// good.
func (s *secrets) remembers(good *objects.GoodSecrets) bool {
	return !slices.ContainsFunc(s.broken, func(name types.NamespacedName) bool {
		return s.keyPairs[name].before != good.Of(name)
	})
}

// keyPair reads the certificate and key of a Secret.
func (s *secrets) keyPair(secret *corev1.Secret, objs *objects.Objects) *keyPair {
	name := objects.NameOf(&secret.ObjectMeta)
	pair := s.keyPairs[name]
	if pair != nil {
		return pair
	}
	pair = &keyPair{version: objs.VersionOf(&secret.ObjectMeta), before: s.before(name)}
	if pair.own, pair.err = readCertificate(secret, objs); pair.err == nil {
		pair.from = secret
	} else if pair.before != nil {
		if own, err := readCertificate(pair.before, objs); err == nil {
			pair.own, pair.from = own, pair.before
		}
	}
	if pair.own != nil {
		byDefault := *pair.own
		byDefault.Source = gatelodge.FromDefault
		pair.byDefault = &byDefault
	}
	s.add(name, pair)
	return pair
}

func (s *secrets) add(name types.NamespacedName, pair *keyPair) {
	s.keyPairs[name] = pair
	if pair.err != nil {
		s.broken = append(s.broken, name)
	}
}

// readCertificate reads a Secret of type kubernetes.io/tls.
func readCertificate(secret *corev1.Secret, objs *objects.Objects) (*gatelodge.Certificate, error) {
	chain, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	switch {
	case len(chain) == 0:
		return nil, fmt.Errorf("has no %s, expected a certificate chain in PEM", corev1.TLSCertKey)
	case len(key) == 0:
		return nil, fmt.Errorf("has no %s, expected a private key in PEM", corev1.TLSPrivateKeyKey)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("holds no key pair: %w", err)
	}
	names := make([]gatelodge.Name, 0, len(pair.Leaf.DNSNames))
	for _, san := range pair.Leaf.DNSNames {
		// Names that no host can have cover none.
		if name, err := gatelodge.ParseName(san); err == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("holds a certificate without a DNS name (subjectAltName)")
	}
	slices.Sort(names)
	sum := sha256.Sum256(pair.Certificate[0])
	return &gatelodge.Certificate{
		Source:      gatelodge.FromSecret,
		Object:      objs.ObjectOf("Secret", &secret.ObjectMeta),
		Names:       slices.Compact(names),
		NotBefore:   pair.Leaf.NotBefore,
		NotAfter:    pair.Leaf.NotAfter,
		Fingerprint: hex.EncodeToString(sum[:]),
		KeyPair:     &pair,
	}, nil
}

// outOfDate says why a certificate can't be used now, and "" if it can.
func outOfDate(c *gatelodge.Certificate, now time.Time) string {
	switch {
	case now.Before(c.NotBefore):
		return "is not valid before " + c.NotBefore.UTC().Format(time.RFC3339)
	case now.After(c.NotAfter):
		return "expired at " + c.NotAfter.UTC().Format(time.RFC3339)
	}
	return ""
}

// period is the time around now in which a result that depends on the time
// stays what it is.
type period struct {
	from, until time.Time // zero: unbounded; until is outside
}

// narrow makes the period end where the certificate begins or ends to be valid.
func (p *period) narrow(c *gatelodge.Certificate, now time.Time) {
	p.edge(c.NotBefore, now)
	p.edge(c.NotAfter.Add(1), now) // its last moment is still within
}

func (p *period) edge(t, now time.Time) {
	if t.After(now) {
		if p.until.IsZero() || t.Before(p.until) {
			p.until = t
		}
	} else if p.from.IsZero() || t.After(p.from) {
		p.from = t
	}
}

func (p *period) contains(now time.Time) bool {
	return !now.Before(p.from) && (p.until.IsZero() || now.Before(p.until))
}
