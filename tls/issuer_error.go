package tls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// authorityError is one between the CA and us: it is about no single name, so
// every name waits.
type authorityError struct{ error }

func (e authorityError) Unwrap() error { return e.error }

// storeError is one of the Store, in which nobody could be told of it.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// orderOver is the error of an order that can't be finished any more.
type orderOver struct{ error }

func (e orderOver) Unwrap() error { return e.error }

// isAuthoritys tells whether an error is about the CA or the account rather
// than about the name that something was asked for. "unauthorized" may be
// either; who orders finds out.
func isAuthoritys(err error) bool {
	var authority authorityError
	var refused *acme.AuthorizationError
	var order *acme.OrderError
	var problem *acme.Error
	switch {
	case errors.As(err, &authority):
		return true
	case errors.As(err, &refused), errors.As(err, &order):
		return false
	case errors.As(err, &problem):
		return problem.StatusCode >= 500 || slices.Contains([]string{
			"accountDoesNotExist", "externalAccountRequired", "userActionRequired",
			"badNonce", "badPublicKey", "badSignatureAlgorithm", "invalidProfile",
		}, kindOf(problem))
	}
	var request *url.Error
	if errors.As(err, &request) {
		return true
	}
	var network net.Error // as which a context's deadline passes too
	return errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded)
}

// kindOf is the last part of a problem's type (RFC 8555 §6.7).
func kindOf(problem *acme.Error) string {
	return problem.ProblemType[strings.LastIndexByte(problem.ProblemType, ':')+1:]
}

// sentence says what went wrong in the words of who refused.
func sentence(err error) string {
	var refused *acme.AuthorizationError
	var order *acme.OrderError
	var problem *acme.Error
	var request *url.Error
	var text string
	switch {
	case errors.As(err, &refused) && len(refused.Errors) > 0:
		texts := make([]string, len(refused.Errors))
		for i, e := range refused.Errors {
			texts[i] = sentence(e)
		}
		return bounded(strings.Join(texts, "; "))
	case errors.As(err, &order) && order.Problem != nil:
		text = words(order.Problem)
	case errors.As(err, &problem):
		text = words(problem)
	case errors.As(err, &request):
		text = fmt.Sprintf("the CA can't be reached: %v", request.Err)
	case errors.Is(err, context.DeadlineExceeded):
		text = "it takes too long"
	default:
		text = err.Error()
	}
	return bounded(text)
}

// words are what a CA says about a problem.
func words(problem *acme.Error) string {
	detail := problem.Detail
	for _, sub := range problem.Subproblems {
		detail += "; " + sub.Detail
	}
	if kind := kindOf(problem); kind != "" {
		return fmt.Sprintf("the CA says: %s (%s)", detail, kind)
	}
	return fmt.Sprintf("the CA says: %s (status %d)", detail, problem.StatusCode)
}

// bounded makes one line of limited length of what a stranger says.
func bounded(text string) string {
	const most = 400
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.TrimSpace(text))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// retryAfter is how long the CA asks to be left alone, 0 if it does not say.
func retryAfter(err error, now time.Time) time.Duration {
	var problem *acme.Error
	if !errors.As(err, &problem) || problem.Header == nil {
		return 0
	}
	text := problem.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// failed takes in that an attempt failed: in the Store, from where everybody
// tells it, so that the next leader waits as well. It returns how long to leave
// the name alone.
func (t *term) failed(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, err error) time.Duration {
	log := t.config.Log.With("name", string(issuance.Name))
	var store storeError
	switch {
	case errors.As(err, &store):
		log.Warn("what is ordered can't be kept, so nothing is", "error", err)
		return authorityWait
	case isAuthoritys(err):
		t.authorityFailed(ctx, issuing.Account, err)
		return t.faultWait(issuance.Name)
	}
	now := time.Now()
	kept, loadErr := t.load(ctx, issuance.Name)
	if loadErr != nil {
		log.Warn("a certificate was not issued", "reason", sentence(err), "error", loadErr)
		return authorityWait
	}
	failure := &gatelodge.Failure{Message: sentence(err), At: now, Attempts: 1}
	if kept.Failure != nil {
		failure.Attempts += kept.Failure.Attempts
	}
	wait := max(nameBackOff(failure.Attempts, issuance.Certificate, now), retryAfter(err, now))
	failure.RetryAt = now.Add(wait).Truncate(time.Second)
	kept.Failure = failure
	var over orderOver
	if errors.As(err, &over) {
		kept.Order = nil
	}
	log.Warn("a certificate was not issued", "reason", failure.Message, "retry", failure.RetryAt)
	if err := t.save(ctx, kept); err != nil {
		log.Warn("that a certificate was not issued can't be kept", "error", err)
	}
	return wait
}

// fewFaults in a row are the CA's, and all names wait together.
const fewFaults = 5

// faultWait is how long to leave a name alone at which the CA, by its own fault,
// failed again and again: it may do so at this name only, and the others go on.
func (t *term) faultWait(name gatelodge.Name) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	state := t.names[name]
	if state.faults++; state.faults <= fewFaults {
		return 0
	}
	return backOff(state.faults-fewFaults, authorityWait, authorityFactor, authorityMost)
}

// authorityFailed leaves the CA alone for a while. Attempts that were under way
// together fail together, and count once.
func (t *term) authorityFailed(ctx context.Context, account gatelodge.Account, err error) {
	now := time.Now()
	t.mu.Lock()
	if now.Before(t.pause) {
		t.mu.Unlock()
		return
	}
	t.failing++
	failure := &gatelodge.Failure{Message: sentence(err), At: now, Attempts: t.failing}
	t.pause = now.Add(max(backOff(t.failing, authorityWait, authorityFactor, authorityMost), retryAfter(err, now)))
	failure.RetryAt = t.pause.Truncate(time.Second)
	t.told = true
	if t.client != nil && t.client.account == account {
		t.client = nil // what is kept of the account may be mended until then
	}
	t.mu.Unlock()
	t.config.Log.Warn("no certificate can be ordered", "reason", failure.Message, "retry", failure.RetryAt)
	if err := t.tell(ctx, failure); err != nil {
		t.config.Log.Warn("that no certificate can be ordered can't be kept", "error", err)
	}
}

// authorityWell takes in that the CA does as it is asked.
func (t *term) authorityWell(ctx context.Context) {
	t.mu.Lock()
	told := t.told
	t.told, t.failing = false, 0
	t.mu.Unlock()
	if !told {
		return
	}
	if err := t.tell(ctx, nil); err != nil {
		t.config.Log.Warn("that certificates can be ordered again can't be kept", "error", err)
	}
}
