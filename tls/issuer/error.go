package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

// authorityError is about the CA or the account rather than about one name, so
// every name waits.
type authorityError struct{ error }

func (e authorityError) Unwrap() error { return e.error }

// storeError is an error of the Store, so it can't be recorded there.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// orderOver is the error of an order that can't be completed any more.
type orderOver struct{ error }

func (e orderOver) Unwrap() error { return e.error }

// isAuthorityError reports whether an error is about the CA or the account
// rather than about the requested name. "unauthorized" may be either, and open
// finds out which.
func isAuthorityError(err error) bool {
	var authority authorityError
	var over orderOver
	var refused *acme.AuthorizationError
	var order *acme.OrderError
	var problem *acme.Error
	switch {
	case errors.As(err, &authority):
		return true
	case errors.As(err, &over), errors.As(err, &refused), errors.As(err, &order):
		return false
	case errors.As(err, &problem):
		return problem.StatusCode >= 500 || slices.Contains([]string{
			"accountDoesNotExist", "externalAccountRequired", "userActionRequired",
			"badNonce", "badPublicKey", "badSignatureAlgorithm", "invalidProfile",
		}, errorType(problem))
	}
	var request *url.Error
	if errors.As(err, &request) {
		return true
	}
	var network net.Error // context.DeadlineExceeded is one, too
	return errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded)
}

// errorType returns the last part of a problem's type (RFC 8555 §6.7).
func errorType(problem *acme.Error) string {
	return problem.ProblemType[strings.LastIndexByte(problem.ProblemType, ':')+1:]
}

// messageOf returns a message for users, with what the CA said, if anything.
func messageOf(err error) string {
	var refused *acme.AuthorizationError
	var order *acme.OrderError
	var problem *acme.Error
	var request *url.Error
	var text string
	switch {
	case errors.As(err, &refused) && len(refused.Errors) > 0:
		texts := make([]string, len(refused.Errors))
		for i, e := range refused.Errors {
			texts[i] = messageOf(e)
		}
		return oneLine(strings.Join(texts, "; "))
	case errors.As(err, &order) && order.Problem == nil:
		text = "the CA ended the order without saying why"
	case order != nil:
		text = describe(order.Problem)
	case errors.As(err, &problem):
		text = describe(problem)
	case errors.As(err, &request):
		text = "the CA can't be reached: " + perAttempt.ReplaceAllString(request.Err.Error(), "")
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("it took longer than %s", orderTime)
	default:
		text = err.Error()
	}
	return oneLine(text)
}

// perAttempt matches what differs between attempts that fail in the same way: our own
// address in an error of package net, and the stream in one of HTTP/2. A problem whose
// text stays the same is told once.
var perAttempt = regexp.MustCompile(`\S+->|stream ID [0-9]+; |LastStreamID=[0-9]+, `)

// describe returns what a CA says about a problem.
func describe(problem *acme.Error) string {
	detail := cmp.Or(problem.Detail, http.StatusText(problem.StatusCode))
	for _, sub := range problem.Subproblems {
		detail += "; " + sub.Detail
	}
	if kind := errorType(problem); kind != "" {
		return fmt.Sprintf("the CA says: %s (%s)", detail, kind)
	}
	return fmt.Sprintf("the CA says: %s (status %d)", detail, problem.StatusCode)
}

// oneLine returns untrusted text as one line of limited length.
func oneLine(text string) string {
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

// maxRetryAfter limits the wait that a CA can ask for: a wrong one must not stop orders
// for years, and no public limit needs more than a week.
const maxRetryAfter = 7 * 24 * time.Hour

// retryAfter returns the wait that the CA asks for, 0 if it asks for none.
func retryAfter(err error, now time.Time) time.Duration {
	var problem *acme.Error
	if !errors.As(err, &problem) {
		return 0
	}
	wait, _ := retryAfterIn(problem.Header, now)
	return wait
}

// retryAfterIn returns the wait that a response asks for (RFC 9110 §10.2.3), and whether
// it asks for one.
func retryAfterIn(header http.Header, now time.Time) (wait time.Duration, ok bool) {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
	}
	at, err := http.ParseTime(text)
	return min(max(0, at.Sub(now)), maxRetryAfter), err == nil
}

// failed records a failed attempt in the Store, so that all replicas report it
// and the next leader waits as well. It returns how long to wait before the next
// attempt for the name.
func (t *term) failed(ctx context.Context, a *authority, issuance *gatelodge.Issuance, err error) time.Duration {
	log := t.config.Log.With("name", string(issuance.Name))
	var store storeError
	switch {
	case errors.As(err, &store):
		log.Warn("can't order a certificate without the store", "error", err)
		return authorityWait
	case isAuthorityError(err):
		t.authorityFailed(ctx, a, err)
		return t.authorityWaitOf(issuance.Key())
	}
	now := time.Now()
	kept, loadErr := t.load(ctx, issuance.Key())
	if loadErr != nil {
		log.Warn("a certificate was not issued", "reason", messageOf(err), "error", loadErr)
		return authorityWait
	}
	failure := &gatelodge.Failure{Message: messageOf(err), At: now, Attempts: 1}
	var lacking noProfile
	if errors.As(err, &lacking) {
		failure.Profile = lacking.profile
	}
	if kept.Failure != nil && kept.Failure.Profile == failure.Profile {
		failure.Attempts += kept.Failure.Attempts
	}
	wait := max(nameBackOff(failure.Attempts, issuance.Certificate, now), retryAfter(err, now))
	if limit, until := refusedByLimit(err, now); limit != "" {
		wait = until.Sub(now)
		if err := a.allowance.change(ctx, func(l *budget.Ledger) {
			for _, key := range budget.KeysFor(limit, orderOf(issuance), err.Error()) {
				l.Refused(key, until)
			}
		}); err != nil {
			log.Warn("can't store that the CA refuses orders", "limit", string(limit), "error", err)
		}
	}
	var forbids caaForbids
	if errors.As(err, &forbids) {
		wait = min(wait, caaMost)
	}
	failure.RetryAt = now.Add(wait).Truncate(time.Second)
	kept.Failure = failure
	var over orderOver
	if errors.As(err, &over) {
		kept.Order, kept.With = nil, nil
	}
	log.Warn("a certificate was not issued", "reason", failure.Message, "retry", failure.RetryAt)
	if err := t.save(ctx, kept); err != nil {
		log.Warn("can't store that a certificate was not issued", "error", err)
	}
	return wait
}

// maxSharedFaults is how many consecutive failures of the CA at one name make
// all names wait together. After more of them that name waits on its own, too.
const maxSharedFaults = 5

// authorityWaitOf returns how long a name waits, on its own, after repeated
// failures of the CA: they may concern only this name, and the others go on.
func (t *term) authorityWaitOf(key gatelodge.IssuanceKey) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.names[key]
	if s.faults++; s.faults <= maxSharedFaults {
		return 0
	}
	return backOff(s.faults-maxSharedFaults, authorityWait, authorityFactor, authorityMost)
}
