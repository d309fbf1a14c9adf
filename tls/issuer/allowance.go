package issuer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// allowance is what is used of a CA's limits. It is kept in the Store before an
// order is placed, so that the next leader goes on counting.
type allowance struct {
	store gatelodge.Store
	item  string

	writing sync.Mutex // held during a write to the Store
	version string     // of the item

	mu     sync.Mutex
	ledger *budget.Ledger
}

// allowanceItem is the name of the item for an account.
func allowanceItem(account gatelodge.Account) string {
	return "acme-limits-" + strings.TrimPrefix(account.Item(), gatelodge.AccountPrefix)
}

// limitsPart holds the text of the Ledger.
const limitsPart = "used"

// loadAllowance reads what earlier leaders used. Nothing is read for a CA without
// limits: what it refuses is known for a term.
func loadAllowance(ctx context.Context, store gatelodge.Store, account gatelodge.Account) (*allowance, error) {
	a := &allowance{store: store, item: allowanceItem(account), ledger: budget.NewLedger(account.Limits)}
	if account.Limits == (gatelodge.CALimits{}) {
		return a, nil
	}
	item, err := store.Get(ctx, a.item)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return nil, storeError{err}
	}
	a.version = item.Version
	a.ledger.Read(item.Data[limitsPart])
	return a, nil
}

// view calls see with the Ledger, which see may change, but only until the process
// ends.
func (a *allowance) view(see func(l *budget.Ledger)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	see(a.ledger)
}

// change changes the Ledger and stores it. If another leader has done so meanwhile,
// both count.
func (a *allowance) change(ctx context.Context, change func(l *budget.Ledger)) error {
	a.view(change)
	a.writing.Lock()
	defer a.writing.Unlock()
	for {
		var text []byte
		limited := true
		a.view(func(l *budget.Ledger) {
			text, limited = l.Text(time.Now()), l.Limits != gatelodge.CALimits{}
		})
		if !limited {
			return nil
		}
		version, err := a.store.Put(ctx, a.item, gatelodge.Item{Data: map[string][]byte{limitsPart: text}, Version: a.version})
		if err == nil {
			a.version = version
			return nil
		}
		if !errors.Is(err, gatelodge.ErrConflict) && !errors.Is(err, gatelodge.ErrNotFound) || ctx.Err() != nil {
			return storeError{err}
		}
		item, err := a.store.Get(ctx, a.item)
		if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
			return storeError{err}
		}
		a.version = item.Version
		a.view(func(l *budget.Ledger) { l.Read(item.Data[limitsPart]) })
	}
}

// overBudget is the error of an order that the CA would refuse.
type overBudget struct {
	until time.Time
	limit budget.Limit
}

func (e overBudget) Error() string {
	return fmt.Sprintf("the CA's limit %q allows no order until %s", e.limit, e.until.UTC().Format(time.RFC3339))
}

// reservation is the part of an allowance that is set aside for an attempt.
type reservation struct {
	*allowance
	order budget.Order
	held  bool
}

// reserve sets aside what an order takes, unless its order is in progress, and so is counted.
func (a *allowance) reserve(o budget.Order, now time.Time, hold bool) *reservation {
	if hold {
		a.view(func(l *budget.Ledger) { l.Take(o, now) })
	}
	return &reservation{a, o, hold}
}

// spend counts an order that is about to be placed: what is set aside, or more.
func (r *reservation) spend(ctx context.Context) error {
	if r.held {
		r.held = false
		return r.change(ctx, func(*budget.Ledger) {})
	}
	now := time.Now()
	over := overBudget{}
	r.view(func(l *budget.Ledger) {
		over.until, over.limit = l.Allowed(r.order, now)
		if !over.until.After(now) {
			l.Take(r.order, now)
		}
	})
	if over.until.After(now) {
		return over
	}
	return r.change(ctx, func(*budget.Ledger) {})
}

// release gives back what is set aside and was not needed.
func (r *reservation) release() {
	if r.held {
		r.held = false
		r.view(func(l *budget.Ledger) { l.Return(r.order) })
	}
}

// notIssued counts that no certificate comes of an order.
func (r *reservation) notIssued(ctx context.Context) error {
	return r.change(ctx, func(l *budget.Ledger) { l.NotIssued(r.order) })
}

// ended counts how an order ended that brought no certificate.
func (r *reservation) ended(ctx context.Context, err error) error {
	var over orderOver
	var refused *acme.AuthorizationError
	if !errors.As(err, &over) {
		return nil
	}
	return r.change(ctx, func(l *budget.Ledger) {
		l.NotIssued(r.order)
		if errors.As(err, &refused) {
			for _, name := range r.order.Names {
				l.FailedValidation(name, time.Now())
			}
		}
	})
}

// refusedByLimit returns which limit a CA says an order is over, and until when;
// limit is "" if it does not say it. It is asked again after an hour where the CA
// names no time.
func refusedByLimit(err error, now time.Time) (limit budget.Limit, until time.Time) {
	var problem *acme.Error
	if !errors.As(err, &problem) || errorType(problem) != "rateLimited" {
		return "", time.Time{}
	}
	detail := problem.Detail
	for _, sub := range problem.Subproblems {
		detail += " " + sub.Detail
	}
	if limit = budget.LimitOf(detail); limit == "" {
		return "", time.Time{}
	}
	if wait := retryAfter(err, now); wait > 0 {
		return limit, now.Add(wait)
	}
	if until = budget.RetryTime(detail); until.After(now) {
		return limit, earliest(until, now.Add(maxRetryAfter))
	}
	return limit, now.Add(time.Hour)
}
