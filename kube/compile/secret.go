package compile

import (
	"iter"
	"time"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/secrets"
)

// Good returns the Secrets from which the last Build could read certificates, including
// earlier ones that it was given. They are Objects.Good of the next Build, which
// remembers them.
func (b *Builder) Good() objects.GoodSecrets {
	if b.last.secrets == nil {
		return objects.GoodSecrets{}
	}
	return b.last.secrets.readable
}

// secretReader caches the certificates in Secrets, because parsing keys is expensive
// and Secrets change seldom. They are read when a step first needs them.
type secretReader struct {
	table    objects.Table[*corev1.Secret]
	good     objects.GoodSecrets
	flaws    *flaws
	pairs    objects.Table[*keyPair]
	broken   objects.Table[*keyPair] // pairs with an error
	readable objects.GoodSecrets     // what pairs were read from
	contents objects.Table[*contents]
}

// contents is the other parsed content of a Secret, in the requested forms.
type contents struct {
	secret *corev1.Secret
	users  map[bool]readUsers // true: each of its keys is a user
	trusts map[int]readTrust  // by depth
}

type readUsers struct {
	users    map[string]gatelodge.PasswordHash
	problems []string
	err      error
}

type readTrust struct {
	trust *gatelodge.ClientTrust
	err   error
}

// contentsOf returns the cached content of a Secret.
func (s *secretReader) contentsOf(secret *corev1.Secret) *contents {
	key := objects.KeyOf(secret)
	c := s.contents.Get(key)
	if c == nil || c.secret != secret {
		c = &contents{secret: secret, users: make(map[bool]readUsers), trusts: make(map[int]readTrust)}
		s.contents = s.contents.With(key, c)
	}
	return c
}

// usersOf reads the users of a Secret.
func (s *secretReader) usersOf(secret *corev1.Secret, asMap bool) readUsers {
	c := s.contentsOf(secret)
	r, known := c.users[asMap]
	if !known {
		r.users, r.problems, r.err = secrets.ReadUsers(secret, asMap)
		c.users[asMap] = r
	}
	return r
}

// trustOf reads the trusted CAs for client certificates in a Secret.
func (s *secretReader) trustOf(secret *corev1.Secret, depth int) readTrust {
	c := s.contentsOf(secret)
	r, known := c.trusts[depth]
	if !known {
		r.trust, r.err = secrets.ReadClientTrust(secret, depth)
		c.trusts[depth] = r
	}
	return r
}

// keyPair is the parsed content of a TLS Secret.
type keyPair struct {
	secret    *corev1.Secret
	before    *corev1.Secret         // the last valid version of the Secret, if it is not valid now
	from      *corev1.Secret         // the version that was read; nil: neither is valid
	read      *gatelodge.Certificate // with its visible flaw
	own       *gatelodge.Certificate // for the Ingresses that name the Secret; nil: there is none
	byDefault *gatelodge.Certificate // for every host
	gap       string                 // what is missing in the chain of own; "": nothing, or unknown
	err       error                  // what is wrong with the current Secret
}

// problem returns what is wrong, and what is served nevertheless.
func (p *keyPair) problem() string {
	if p.own == nil {
		return p.err.Error()
	}
	return p.err.Error() + "; the certificate that it held before is still served"
}

// followSecrets reuses from last the content of the Secrets that did not change.
func followSecrets(table objects.Table[*corev1.Secret], f *flaws, objs *objects.Objects, last *secretReader) *secretReader {
	if last == nil {
		last = &secretReader{}
	}
	s := &secretReader{table: table, good: objs.Good, flaws: f, pairs: last.pairs, broken: last.broken, readable: last.readable, contents: last.contents}
	for key, change := range table.Changes(last.table) {
		if pair := last.pairs.Get(key); pair != nil && (change.After == nil || pair.secret != change.After) {
			s.put(key, nil)
		}
		if c := last.contents.Get(key); c != nil && c.secret != change.After {
			s.contents = s.contents.Without(key)
		}
	}
	for key, pair := range s.broken.All() {
		if pair.before != s.before(key) {
			s.put(key, nil)
		}
	}
	if f != last.flaws {
		for key, pair := range s.pairs.All() {
			if pair.own != nil && !sameFlaw(pair.own.Flaw, f.flawOf(pair.read)) {
				s.put(key, nil)
			}
		}
	}
	if s.table == last.table && s.flaws == last.flaws && s.pairs == last.pairs {
		return last
	}
	return s
}

// changedSince yields the Secrets that changed, or have to be read again.
func (s *secretReader) changedSince(last *secretReader) iter.Seq[objects.Key] {
	return func(yield func(objects.Key) bool) {
		for key := range s.table.Changes(last.table) {
			if !yield(key) {
				return
			}
		}
		for key := range s.pairs.Changes(last.pairs) {
			if !yield(key) {
				return
			}
		}
	}
}

// before returns the last valid version of a Secret, if it is not valid now.
func (s *secretReader) before(key objects.Key) *corev1.Secret {
	if good := s.good.Get(key); good != s.table.Get(key) {
		return good
	}
	return nil
}

// keyPair reads the certificate and key of a Secret.
func (s *secretReader) keyPair(secret *corev1.Secret, objs *objects.Objects) *keyPair {
	key := objects.KeyOf(secret)
	pair := s.pairs.Get(key)
	if pair != nil {
		return pair
	}
	pair = &keyPair{secret: secret, before: s.before(key)}
	if pair.read, pair.gap, pair.err = secrets.ReadCertificate(secret, objs); pair.err == nil {
		pair.from = secret
	} else if pair.before != nil {
		if read, gap, err := secrets.ReadCertificate(pair.before, objs); err == nil {
			pair.read, pair.gap, pair.from = read, gap, pair.before
		}
	}
	if pair.read != nil {
		pair.own = s.flaws.judge(pair.read)
		byDefault := *pair.own
		byDefault.Source = gatelodge.FromDefault
		pair.byDefault = &byDefault
	}
	s.put(key, pair)
	return pair
}

// put caches a pair, nil for none.
func (s *secretReader) put(key objects.Key, pair *keyPair) {
	s.pairs = s.pairs.With(key, pair)
	var broken *keyPair
	var readable *corev1.Secret
	if pair != nil {
		readable = pair.from
		if pair.err != nil {
			broken = pair
		}
	}
	s.broken = s.broken.With(key, broken)
	s.readable = s.readable.With(key, readable)
}

// outOfDate returns why a certificate can't be used now, and "" if it can.
func outOfDate(c *gatelodge.Certificate, now time.Time) string {
	switch {
	case now.Before(c.NotBefore):
		return "is not valid before " + c.NotBefore.UTC().Format(time.RFC3339)
	case now.After(c.NotAfter):
		return "expired at " + c.NotAfter.UTC().Format(time.RFC3339)
	}
	return ""
}
