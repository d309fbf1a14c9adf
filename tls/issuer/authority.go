package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// A CA that fails is given up in favour of the next one only when a name can't wait
// any longer: to change the CA may change what clients trust.
const (
	// newPatience is for how long a CA has to fail before a name that has no
	// certificate gets one from the next, where nothing else is configured.
	newPatience = 10 * time.Minute
	// renewalShare is the part of its lifetime that has to be left of a certificate.
	renewalShare = 6
)

// authority is what a term knows of one of the CAs. Its fields are guarded by the
// term's lock.
type authority struct {
	account   gatelodge.Account
	patience  time.Duration
	allowance *allowance
	client    *client   // nil: not made yet
	lost      bool      // the CA does not know the account
	pause     time.Time // no request before this time
	failing   int       // consecutive failures in this term
	since     time.Time // of the first of them, also if a leader before has seen it; zero: it does not fail
	message   string    // of the latest

	infoPause    time.Time // no request for renewal information before this time
	infoFailures int       // consecutive failures of such requests

	registering sync.Mutex // held while the client is made
}

// useAccounts follows the configured accounts, in their order. It forgets the failures
// of those that changed, and reads what is used of the limits of new ones.
func (t *term) useAccounts(ctx context.Context, issuing *gatelodge.Issuing) error {
	accounts := issuing.Accounts()
	t.mu.Lock()
	known, same := t.authorities, len(t.authorities) == len(accounts)
	t.mu.Unlock()
	var since map[string]time.Time
	if len(known) == 0 {
		var err error
		if since, err = t.loadFailing(ctx); err != nil {
			return err
		}
	}
	list := make([]*authority, len(accounts))
	for i, account := range accounts {
		for _, a := range known {
			if a.account == account {
				list[i] = a
			}
		}
		if list[i] == nil {
			allowance, err := loadAllowance(ctx, t.config.Store, account)
			if err != nil {
				return err
			}
			list[i] = &authority{account: account, allowance: allowance, since: since[account.Item()]}
		}
		same = same && known[i] == list[i]
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	patience := cmp.Or(issuing.Patience, newPatience)
	for _, a := range list {
		same = same && a.patience == patience
		a.patience = patience
	}
	if same {
		return nil
	}
	t.authorities, t.queue.byDomain = list, false
	for _, a := range list {
		t.queue.byDomain = t.queue.byDomain || a.account.Limits.Domain.Count > 0
	}
	t.scheduleAll()
	return nil
}

// scheduleAll queues all names anew. The caller holds the lock.
func (t *term) scheduleAll() {
	for key, s := range t.names {
		t.queue.remove(s)
		t.schedule(key)
	}
}

// authorityAt returns the CA for a name and from when on it can be asked: the first
// that does not fail, or one after it that the name can't wait any longer for. The
// caller holds the lock.
func (t *term) authorityAt(i *gatelodge.Issuance, now time.Time) (first *authority, at time.Time) {
	from := now // when the name stops waiting for those before
	for _, a := range t.authorities {
		ready := latest(from, a.pause)
		if first == nil || ready.Before(at) {
			first, at = a, ready
		}
		if a.failing == 0 {
			break
		}
		from = latest(from, a.takeover(i))
	}
	return first, at
}

// takeover returns when a name stops waiting for a CA that fails: one whose
// certificate is worthless as soon as one that has none.
func (a *authority) takeover(i *gatelodge.Issuance) time.Time {
	patient := a.since.Add(a.patience)
	if c := i.Certificate; c != nil && c.Flaw == nil {
		return latest(patient, c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore)/renewalShare))
	}
	return patient
}

// authorityOf returns the CA with a directory, nil for none. The caller holds the
// lock.
func (t *term) authorityOf(directory string) *authority {
	for _, a := range t.authorities {
		if a.account.Directory == directory {
			return a
		}
	}
	return nil
}

// orderedFrom returns the CA at which an order is in progress that can be completed
// now; otherwise it is a new one, from a.
func (t *term) orderedFrom(directory string, a *authority) *authority {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.authorityOf(directory); other != nil && other.failing == 0 {
		return other
	}
	return a
}

// authorityFailed pauses all requests to a CA. Concurrent attempts that fail together
// count once.
func (t *term) authorityFailed(ctx context.Context, a *authority, err error) {
	now := time.Now()
	t.mu.Lock()
	if now.Before(a.pause) {
		t.mu.Unlock()
		return
	}
	if a.failing++; a.since.IsZero() {
		a.since = now
	}
	message, level := messageOf(err), slog.LevelWarn
	if a.failing > 1 && message == a.message {
		level = slog.LevelInfo // it was told
	}
	a.message = message
	a.pause = now.Add(max(backOff(a.failing, authorityWait, authorityFactor, authorityMost), retryAfter(err, now)))
	a.client = nil // by then the account's item, or the CA's directory, may have been corrected
	var problem *acme.Error
	a.lost = a.lost || errors.As(err, &problem) && errorType(problem) == "accountDoesNotExist"
	t.problemStored = true
	failure := t.authorityProblem(now)
	t.scheduleAll()
	t.mu.Unlock()
	t.config.Log.Log(ctx, level, "a CA can't be used", "directory", a.account.Directory, "reason", message, "retry", a.pause)
	if err := t.saveAuthorityProblem(ctx, failure); err != nil {
		t.config.Log.Warn("can't store that a CA can't be used", "error", err)
	}
}

// authorityRecovered clears the problem with a CA.
func (t *term) authorityRecovered(ctx context.Context, a *authority) {
	t.mu.Lock()
	recovered := a.failing > 0
	a.since = time.Time{}
	if recovered {
		a.failing, a.pause = 0, time.Time{}
		t.scheduleAll()
	}
	failure := t.authorityProblem(time.Now())
	changed := recovered || t.problemStored && failure == nil
	t.problemStored = failure != nil
	t.mu.Unlock()
	if !changed {
		return
	}
	if err := t.saveAuthorityProblem(ctx, failure); err != nil {
		t.config.Log.Warn("can't store that certificates can be ordered again", "error", err)
	}
}

// authorityProblem describes the CAs that fail, nil for none. The caller holds the
// lock.
func (t *term) authorityProblem(now time.Time) *gatelodge.Failure {
	var failure *gatelodge.Failure
	var messages []string
	for _, a := range t.authorities {
		if a.failing == 0 {
			continue
		}
		if failure == nil {
			failure = &gatelodge.Failure{At: now, Attempts: a.failing, RetryAt: a.pause.Truncate(time.Second)}
		}
		message := a.message
		if len(t.authorities) > 1 {
			message = fmt.Sprintf("%s fails since %s: %s", a.account.Directory, a.since.UTC().Format(time.RFC3339), message)
		}
		messages = append(messages, message)
	}
	switch {
	case failure == nil:
		return nil
	case len(messages) < len(t.authorities):
		messages = append(messages, "the next CA takes over for names that can't wait")
	}
	failure.Message = strings.Join(messages, "; ")
	return failure
}

// allowed returns from when on the limits that names share allow an order. The caller
// holds the lock.
func (t *term) allowed(s *nameState, now time.Time) (at time.Time, limit budget.Limit) {
	at = now
	if len(s.issuance.Askers) == 0 || s.issuance.Ordered { // which is counted
		return at, ""
	}
	if a, _ := t.authorityAt(s.issuance, now); a != nil {
		a.allowance.view(func(l *budget.Ledger) { at, limit = l.Shared(orderOf(s.issuance), now) })
	}
	return at, limit
}
