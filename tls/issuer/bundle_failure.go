package issuer

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// blame adds to refused the names that the CA names in its problem (RFC 8555 §6.7.1),
// the only one that is left, or all where that is about the profile that they ask for.
func (b *bundle) blame(err error, refused map[*member]error) {
	var store storeError
	var over overBudget
	limit, _ := refusedByLimit(err, time.Now())
	if errors.As(err, &store) || errors.As(err, &over) || limit != "" || isAuthorityError(err) {
		return
	}
	var lacks noProfile
	if len(b.members) == 1 || errors.As(err, &lacks) {
		for _, m := range b.members {
			refused[m] = err
		}
		return
	}
	var order *acme.OrderError
	var problem *acme.Error
	if errors.As(err, &order) {
		problem = order.Problem
	} else {
		errors.As(err, &problem)
	}
	if problem == nil {
		return
	}
	for _, sub := range problem.Subproblems {
		for _, m := range b.members {
			name := string(m.issuance.Name)
			if sub.Identifier != nil && (sub.Identifier.Value == name || "*."+sub.Identifier.Value == name) {
				refused[m] = &acme.Error{StatusCode: problem.StatusCode, ProblemType: sub.Type, Detail: sub.Detail}
			}
		}
	}
}

// leaveOut counts an order that ended without a certificate. It leaves out the names
// that the CA refused, but for those that it may still validate in another way.
func (b *bundle) leaveOut(ctx context.Context, refused map[*member]error) error {
	left := make(map[*member]error)
	for m, why := range refused {
		var failed *acme.AuthorizationError
		if errors.As(why, &failed) && len(m.types) > 0 && m.types[0] == gatelodge.DNSPersist01 {
			b.pausePersistent(m.issuance.Key())
		}
	}
	err := b.at.reservation.change(ctx, func(l *budget.Ledger) {
		if b.placed {
			l.NotIssued(b.at.order)
		}
		for m, why := range refused {
			var failed *acme.AuthorizationError
			if errors.As(why, &failed) {
				l.FailedValidation(m.issuance.Name, time.Now())
			}
			if failed != nil && len(m.types) > 1 {
				m.types = m.types[1:]
			} else {
				left[m] = why
			}
		}
	})
	b.tell(ctx, left)
	return err
}

// tell leaves names out, each with its problem and its time of the next attempt.
func (b *bundle) tell(ctx context.Context, refused map[*member]error) {
	for _, m := range b.members {
		if why := refused[m]; why != nil {
			m.over = true
			m.wait = max(m.wait, b.failed(ctx, b.at.authority, m.issuance, orderOver{why}))
		}
	}
	b.settle(func(*member) bool { return false })
}

// failedTogether records a failure that is not about certain names. It returns how many
// names the next bundle of the namespace may have at most, to find out which of them it
// is about, or 0.
func (b *bundle) failedTogether(ctx context.Context, err error) (most int) {
	now := time.Now()
	waitAll := func(wait time.Duration) {
		for _, m := range b.members {
			m.wait = max(m.wait, wait)
		}
	}
	var over overBudget
	var store storeError
	limit, until := refusedByLimit(err, now)
	switch {
	case len(b.members) == 0:
	case errors.As(err, &over):
		waitAll(over.until.Sub(now))
	case errors.As(err, &store), isAuthorityError(err):
		waitAll(b.failed(ctx, b.at.authority, b.members[0].issuance, err))
	case limit != "":
		b.refusedByLimit(ctx, err, limit, until)
	default:
		most = max(1, len(b.members)/2)
		b.config.Log.Warn("a certificate for several names was not issued, and it is not known because of which; trying with fewer",
			"reason", messageOf(err), "names", len(b.members), "next", most)
		lost := b.forgetOrder(ctx)
		if b.placed {
			lost = errors.Join(lost, b.at.reservation.notIssued(ctx))
		}
		if lost != nil {
			b.config.Log.Warn("can't store that an order is over", "error", lost)
		}
		waitAll(max(nameWait, retryAfter(err, now)))
	}
	return most
}

// refusedByLimit has the names wait that a limit of the CA is about; one of them tells.
func (b *bundle) refusedByLimit(ctx context.Context, err error, limit budget.Limit, until time.Time) {
	closed := budget.KeysFor(limit, b.order(), messageOf(err))
	if err := b.at.reservation.change(ctx, func(l *budget.Ledger) {
		for _, key := range closed {
			l.Refused(key, until)
		}
	}); err != nil {
		b.config.Log.Warn("can't store that the CA refuses orders", "limit", string(limit), "error", err)
	}
	told := false
	for _, m := range b.members {
		concerns := func(key budget.Key) bool { return slices.Contains(closed, key) }
		if limit != budget.Duplicates && !slices.ContainsFunc(budget.KeysFor(limit, orderOf(m.issuance), ""), concerns) {
			continue
		}
		if m.wait = max(m.wait, time.Until(until)); !told {
			told = true
			m.wait = max(m.wait, b.failed(ctx, b.at.authority, m.issuance, err))
		}
	}
}

// forgetOrder drops the stored order.
func (b *bundle) forgetOrder(ctx context.Context) error {
	k, err := b.load(ctx, b.members[0].issuance.Key())
	if err != nil || len(k.Order) == 0 {
		return err
	}
	k.Order, k.With = nil, nil
	for _, m := range b.members {
		m.over = true // the CA validates nothing any more
	}
	return b.save(ctx, k)
}
