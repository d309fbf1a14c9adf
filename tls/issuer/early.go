package issuer

import (
	"context"
	"time"

	"gatelodge.dev"
)

// A zone that publishes which CAs may issue (RFC 8659) has to name a CA before that is
// asked for the first time: resolvers, and the CA's, may remember the records of
// before. So where there is such a zone, or one with persistent records, the accounts of
// all CAs are registered at once, and not only when the first CA fails.

// earlyWait is the time between two looks at whether there are accounts to register.
const earlyWait = time.Minute

// earlyTry is how registering an account went so far.
type earlyTry struct {
	failures int
	next     time.Time
}

// registerEarly registers accounts until ctx ends. A CA where that does not succeed
// does not count as failed, because nothing was ordered there.
func (t *term) registerEarly(ctx context.Context) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	tries := make(map[gatelodge.Account]earlyTry)
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if issuing := t.table.Load().issuing; issuing != nil && issuing.Announced && issuing.Lacking == "" {
			for _, a := range t.unregistered() {
				if try := tries[a.account]; !time.Now().Before(try.next) {
					tries[a.account] = t.tryEarly(ctx, a, try)
				}
			}
		}
		timer.Reset(earlyWait)
	}
}

func (t *term) tryEarly(ctx context.Context, a *authority, try earlyTry) earlyTry {
	limited, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	_, err := t.clientFor(limited, a)
	if err == nil || ctx.Err() != nil {
		return earlyTry{}
	}
	if try.failures++; try.failures == 1 {
		t.config.Log.Warn("an account can't be registered yet, so zones don't name its CA", "directory", a.account.Directory, "reason", messageOf(err))
	}
	try.next = time.Now().Add(backOff(try.failures, earlyWait, authorityFactor, authorityMost))
	return try
}

// unregistered lists the CAs whose accounts this term has not used, but for those that
// fail: they are tried again when something is to be ordered.
func (t *term) unregistered() (list []*authority) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.authorities {
		if a.client == nil && a.failing == 0 {
			list = append(list, a)
		}
	}
	return list
}
