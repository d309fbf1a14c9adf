package tls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

func problem(status int, kind, detail string) *acme.Error {
	return &acme.Error{StatusCode: status, ProblemType: "urn:ietf:params:acme:error:" + kind, Detail: detail, Header: http.Header{}}
}

// TestWhoseFault: what is between the CA and us stops everything, what is about
// a name only that name; whoever reads of it reads the CA's words.
func TestWhoseFault(t *testing.T) {
	refused := &acme.AuthorizationError{Identifier: "a.example.com", Errors: []error{problem(403, "unauthorized", "no TXT record found")}}
	long := problem(400, "malformed", strings.Repeat("x", 10000)+"\n")
	for name, c := range map[string]struct {
		err        error
		authoritys bool
		words      string
	}{
		"the name is not proved":        {refused, false, "the CA says: no TXT record found (unauthorized)"},
		"the name is refused":           {problem(400, "rejectedIdentifier", "forbidden by policy"), false, "the CA says: forbidden by policy (rejectedIdentifier)"},
		"too many of the name":          {problem(429, "rateLimited", "too many certificates"), false, "the CA says: too many certificates (rateLimited)"},
		"the order is invalid":          {&acme.OrderError{Problem: problem(403, "caa", "CAA forbids")}, false, "the CA says: CAA forbids (caa)"},
		"the account is not good":       {authorityError{problem(403, "unauthorized", "account is deactivated")}, true, "the CA says: account is deactivated (unauthorized)"},
		"the name is not the account's": {problem(403, "unauthorized", "not your domain"), false, "the CA says: not your domain (unauthorized)"},
		"a binding is wanted":           {authorityError{problem(400, "externalAccountRequired", "bind it")}, true, "the CA says: bind it (externalAccountRequired)"},
		"the CA is down":                {problem(503, "serverInternal", "later"), true, "the CA says: later (serverInternal)"},
		"the CA is not there":           {&url.Error{Op: "Post", URL: "https://ca", Err: errors.New("connection refused")}, true, "the CA can't be reached: connection refused"},
		"a request takes too long":      {&url.Error{Op: "Post", URL: "https://ca", Err: context.DeadlineExceeded}, true, "the CA can't be reached: context deadline exceeded"},
		"an attempt takes too long":     {fmt.Errorf("waiting: %w", context.DeadlineExceeded), false, "it takes too long"},
		"a CA that has much to say":     {long, false, ""},
		"an answer that is no problem":  {&acme.Error{StatusCode: 404, Detail: "page not found"}, false, "the CA says: page not found (status 404)"},
		"several challenges were tried": {&acme.AuthorizationError{Errors: []error{problem(400, "dns", "one"), problem(400, "dns", "two")}}, false, "the CA says: one (dns); the CA says: two (dns)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isAuthoritys(c.err); got != c.authoritys {
				t.Errorf("about the CA: %v, want %v", got, c.authoritys)
			}
			got := sentence(c.err)
			if c.words != "" && got != c.words || len(got) > 500 || strings.Contains(got, "\n") {
				t.Errorf("told as %.600q, want %q", got, c.words)
			}
		})
	}
}

// TestFailuresAreKept: how often a name failed outlives the leader, and
// Retry-After is kept.
func TestFailuresAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		issuing := &gatelodge.Issuing{}
		issuance := &gatelodge.Issuance{Name: "a.example.com", Askers: []gatelodge.Object{{Name: "web"}}}
		fail := func(err error) gatelodge.Failure {
			newTermOf(store).failed(t.Context(), issuing, issuance, err)
			kept, err := newTermOf(store).load(t.Context(), issuance.Name)
			if err != nil || kept.Failure == nil {
				t.Fatalf("kept %+v, %v", kept, err)
			}
			return *kept.Failure
		}
		rejected := problem(400, "rejectedIdentifier", "no")
		first := fail(rejected)
		second := fail(rejected)
		if first.Attempts != 1 || second.Attempts != 2 || second.Message != "the CA says: no (rejectedIdentifier)" {
			t.Errorf("kept %+v, then %+v", first, second)
		}
		if wait := second.RetryAt.Sub(second.At); wait < 3*time.Minute || wait > 5*time.Minute {
			t.Errorf("after the second failure it waits %v", wait)
		}
		limited := problem(429, "rateLimited", "slow down")
		limited.Header.Set("Retry-After", "90000")
		if third := fail(limited); third.RetryAt.Sub(third.At) < 90000*time.Second-time.Second {
			t.Errorf("asked to wait 25 h it waits %v", third.RetryAt.Sub(third.At))
		}
		limited.Header.Set("Retry-After", time.Now().Add(48*time.Hour).UTC().Format(http.TimeFormat))
		if fourth := fail(limited); fourth.RetryAt.Sub(fourth.At) < 47*time.Hour {
			t.Errorf("asked to wait until a time two days off it waits %v", fourth.RetryAt.Sub(fourth.At))
		}
	})
}

// TestAuthorityFailsOnce: attempts that fail together are one failure of the
// CA's; when it is well again, that is told as well.
func TestAuthorityFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		term := newTermOf(store)
		down := problem(503, "serverInternal", "later")
		for range 8 {
			term.authorityFailed(t.Context(), gatelodge.Account{}, down)
		}
		if term.failing != 1 || time.Until(term.pause) > 2*authorityWait {
			t.Errorf("%d failures, and a pause of %v", term.failing, time.Until(term.pause))
		}
		if item, err := store.Get(t.Context(), gatelodge.AuthorityItem); err != nil || !strings.Contains(string(item.Data["failure"]), "later") {
			t.Errorf("kept %s, %v", item.Data, err)
		}
		time.Sleep(authorityWait * 2)
		term.authorityFailed(t.Context(), gatelodge.Account{}, down)
		if term.failing != 2 {
			t.Errorf("%d failures, want 2", term.failing)
		}
		newTermOf(store).authorityWell(t.Context()) // of another leader
		if _, err := store.Get(t.Context(), gatelodge.AuthorityItem); !errors.Is(err, gatelodge.ErrNotFound) {
			t.Errorf("it is still told: %v", err)
		}
	})
}
