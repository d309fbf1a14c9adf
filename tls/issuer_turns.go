package tls

import (
	"cmp"
	"time"

	"gatelodge.dev"
)

// dueAttempt is an attempt that waits for its turn.
type dueAttempt struct {
	*gatelodge.Issuance
	at time.Time // since when it is due
}

// next returns the index of the attempt to begin next. Namespaces take turns, so
// that none waits for all that another asks for: latest has the number of each
// one's latest attempt. Within a namespace renewals come before certificates that
// its names never had, for they keep working what works; then what is due longest.
func next(due []dueAttempt, latest map[string]int) int {
	first := 0
	for i := range due {
		if due[i].compare(due[first], latest) < 0 {
			first = i
		}
	}
	return first
}

// compare orders attempts for next.
func (a dueAttempt) compare(b dueAttempt, latest map[string]int) int {
	turn := cmp.Compare(latest[askingNamespace(a.Issuance)], latest[askingNamespace(b.Issuance)])
	switch renews := a.Certificate != nil; {
	case turn != 0:
		return turn
	case renews == (b.Certificate != nil):
		return a.at.Compare(b.at)
	case renews:
		return -1
	}
	return 1
}

// askingNamespace is the namespace whose turn an attempt takes. That of the
// configuration, and of certificates that are no longer requested, is "".
func askingNamespace(i *gatelodge.Issuance) string {
	if len(i.Askers) == 0 {
		return ""
	}
	return i.Askers[0].Namespace
}
