package issuer

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"gatelodge.dev"
)

// dueTime returns when to order, renew or drop a certificate; ever is false for
// one that can't be ordered. since is when it was first missing.
func dueTime(i *gatelodge.Issuance, since time.Time) (at time.Time, ever bool) {
	switch {
	case len(i.Askers) == 0 && i.Certificate != nil:
		return RenewAt(i.Certificate, i.Window), true // drop it when it would be renewed
	case len(i.Askers) == 0:
		return time.Time{}, true
	case len(i.Challenges) == 0:
		return time.Time{}, false
	case i.Certificate == nil:
		return latest(since.Add(settleTime), i.RetryAt), true
	}
	if i.Certificate.Flaw != nil {
		return i.RetryAt, true
	}
	return latest(RenewAt(i.Certificate, i.Window), i.RetryAt), true
}

// RenewAt is a moment of the window that the CA names (RFC 9773 §4.2), after the start of
// the certificate and not so late that less than a twentieth of the lifetime is left for
// failures. Without a window, or with one that begins later than that, it is when two
// thirds of the lifetime have passed, less up to a twentieth. Certificates issued
// together are not renewed together, and the moment is the same for every leader.
func RenewAt(c *gatelodge.Certificate, w *gatelodge.RenewalWindow) time.Time {
	lifetime := c.NotAfter.Sub(c.NotBefore)
	last := c.NotAfter.Add(-lifetime / 20)
	if w == nil || !w.Start.Before(last) {
		return c.NotBefore.Add(lifetime/3*2 - share(lifetime/20, c))
	}
	start, end := latest(w.Start, c.NotBefore), earliest(w.End, last)
	return start.Add(share(max(0, end.Sub(start)), c))
}

// share is a part of d, from none to all of it, by which a certificate is told apart
// from the others.
func share(d time.Duration, c *gatelodge.Certificate) time.Duration {
	hash := fnv.New32a()
	hash.Write([]byte(c.Fingerprint)) // never fails
	return d / 1000 * time.Duration(hash.Sum32()%1000)
}

// The waits after failures: each is a multiple of the previous one.
const (
	// For a name: public CAs limit failed validations per hour.
	nameWait, nameFactor, nameMost = time.Minute, 4, 6 * time.Hour
	// For the CA as a whole, which may be down for a moment.
	authorityWait, authorityFactor, authorityMost = 5 * time.Second, 2, 30 * time.Minute
)

// backOff returns how long to wait after a number of consecutive failures.
func backOff(failures int, first time.Duration, factor int, most time.Duration) time.Duration {
	wait := first
	for range failures - 1 {
		if wait *= time.Duration(factor); wait >= most {
			wait = most
			break
		}
	}
	return wait - wait/10 + rand.N(wait/5+1)
}

// nameBackOff is backOff for a name. It waits at most a quarter of the time that
// the current certificate, if any, is still valid, and once it has expired a twentieth
// of its lifetime, or a minute: one that lives for an hour must not be missing for six
// because its renewals failed for a few minutes.
func nameBackOff(failures int, current *gatelodge.Certificate, now time.Time) time.Duration {
	wait := backOff(failures, nameWait, nameFactor, nameMost)
	switch {
	case current == nil:
		return wait
	case current.NotAfter.After(now):
		return min(wait, max(current.NotAfter.Sub(now)/4, authorityWait))
	}
	return min(wait, max(current.NotAfter.Sub(current.NotBefore)/20, nameWait))
}

// renewed returns how long a name waits after an order that succeeded, 0 unless the
// certificate that it replaced was nearly new. A CA whose renewal window has always
// begun would otherwise be asked for the next certificate at once, forever.
func (s *nameState) renewed(replaced *gatelodge.Certificate, now time.Time) time.Duration {
	if replaced != nil {
		quarter := replaced.NotAfter.Sub(replaced.NotBefore) / 4
		if now.Sub(replaced.NotBefore) < quarter {
			s.early++
			return min(backOff(s.early, nameWait, nameFactor, nameMost), quarter)
		}
	}
	s.early = 0
	return 0
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
