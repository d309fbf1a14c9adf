package issuer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
	"gatelodge.dev/tls/tlstest"
)

func problem(status int, kind, detail string) *acme.Error {
	return &acme.Error{StatusCode: status, ProblemType: "urn:ietf:params:acme:error:" + kind, Detail: detail, Header: http.Header{}}
}

// TestClassification: an error about the CA or the account concerns every name,
// any other only its own; the message contains what the CA said.
func TestClassification(t *testing.T) {
	refused := &acme.AuthorizationError{Identifier: "a.example.com", Errors: []error{problem(403, "unauthorized", "no TXT record found")}}
	long := problem(400, "malformed", strings.Repeat("x", 10000)+"\n")
	for name, c := range map[string]struct {
		err       error
		authority bool
		message   string
	}{
		"the challenge fails":           {refused, false, "the CA says: no TXT record found (unauthorized)"},
		"the name is rejected":          {problem(400, "rejectedIdentifier", "forbidden by policy"), false, "the CA says: forbidden by policy (rejectedIdentifier)"},
		"rate limit of the name":        {problem(429, "rateLimited", "too many certificates"), false, "the CA says: too many certificates (rateLimited)"},
		"the order is invalid":          {&acme.OrderError{Problem: problem(403, "caa", "CAA forbids")}, false, "the CA says: CAA forbids (caa)"},
		"the account is not valid":      {authorityError{problem(403, "unauthorized", "account is deactivated")}, true, "the CA says: account is deactivated (unauthorized)"},
		"the name is not the account's": {problem(403, "unauthorized", "not your domain"), false, "the CA says: not your domain (unauthorized)"},
		"a binding is required":         {authorityError{problem(400, "externalAccountRequired", "bind it")}, true, "the CA says: bind it (externalAccountRequired)"},
		"the CA is down":                {problem(503, "serverInternal", "later"), true, "the CA says: later (serverInternal)"},
		"the CA is unreachable":         {&url.Error{Op: "Post", URL: "https://ca", Err: errors.New("connection refused")}, true, "the CA can't be reached: connection refused"},
		"a connection is reset": {&url.Error{Op: "Post", URL: "https://ca", Err: &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv6loopback, Port: 50123}, Addr: &net.TCPAddr{IP: net.IPv6loopback, Port: 443}, Err: syscall.ECONNRESET}},
			true, "the CA can't be reached: read tcp [::1]:443: connection reset by peer"},
		"a stream is reset":        {&url.Error{Op: "Post", URL: "https://ca", Err: errors.New("stream error: stream ID 7; INTERNAL_ERROR; received from peer")}, true, "the CA can't be reached: stream error: INTERNAL_ERROR; received from peer"},
		"a request times out":      {&url.Error{Op: "Post", URL: "https://ca", Err: context.DeadlineExceeded}, true, "the CA can't be reached: context deadline exceeded"},
		"an attempt times out":     {fmt.Errorf("waiting: %w", context.DeadlineExceeded), false, "it took longer than 10m0s"},
		"a very long message":      {long, false, ""},
		"an error without a type":  {&acme.Error{StatusCode: 404, Detail: "page not found"}, false, "the CA says: page not found (status 404)"},
		"an answer without a text": {&acme.Error{StatusCode: 404}, false, "the CA says: Not Found (status 404)"},
		"several challenges fail":  {&acme.AuthorizationError{Errors: []error{problem(400, "dns", "one"), problem(400, "dns", "two")}}, false, "the CA says: one (dns); the CA says: two (dns)"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isAuthorityError(c.err); got != c.authority {
				t.Errorf("about the CA: %v, want %v", got, c.authority)
			}
			got := messageOf(c.err)
			if c.message != "" && got != c.message || len(got) > 500 || strings.Contains(got, "\n") {
				t.Errorf("message %.600q, want %q", got, c.message)
			}
		})
	}
}

// TestFailuresAreStored: the count of a name's failures outlives the leader, and
// Retry-After is obeyed.
func TestFailuresAreStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tlstest.NewMemory()
		issuance := &gatelodge.Issuance{Name: "a.example.com", Askers: []gatelodge.Object{{Name: "web"}}}
		fail := func(err error) gatelodge.Failure {
			newTermOf(store).failed(t.Context(), &authority{}, issuance, err)
			kept, err := newTermOf(store).load(t.Context(), issuance.Key())
			if err != nil || kept.Failure == nil {
				t.Fatalf("stored %+v, %v", kept, err)
			}
			return *kept.Failure
		}
		rejected := problem(400, "rejectedIdentifier", "no")
		first := fail(rejected)
		second := fail(rejected)
		if first.Attempts != 1 || second.Attempts != 2 || second.Message != "the CA says: no (rejectedIdentifier)" {
			t.Errorf("stored %+v, then %+v", first, second)
		}
		if wait := second.RetryAt.Sub(second.At); wait < 3*time.Minute || wait > 5*time.Minute {
			t.Errorf("after the second failure it waits %v", wait)
		}
		limited := problem(429, "rateLimited", "slow down")
		limited.Header.Set("Retry-After", "90000")
		if third := fail(limited); third.RetryAt.Sub(third.At) < 90000*time.Second-time.Second {
			t.Errorf("asked to wait for 25 h, it waits %v", third.RetryAt.Sub(third.At))
		}
		limited.Header.Set("Retry-After", time.Now().Add(48*time.Hour).UTC().Format(http.TimeFormat))
		if fourth := fail(limited); fourth.RetryAt.Sub(fourth.At) < 47*time.Hour {
			t.Errorf("asked to wait for two days, by date, it waits %v", fourth.RetryAt.Sub(fourth.At))
		}
		for _, year := range []string{"31536000", time.Now().Add(365 * day).UTC().Format(http.TimeFormat)} {
			limited.Header.Set("Retry-After", year)
			if fifth := fail(limited); fifth.RetryAt.Sub(fifth.At) > 7*day {
				t.Errorf("asked to wait for a year, by %q, it waits %v", year, fifth.RetryAt.Sub(fifth.At))
			}
		}
	})
}

// TestAuthorityFailsOnce: attempts that fail together count as one failure of
// the CA, and the stored problem is deleted when the CA recovers.
func TestAuthorityFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := tlstest.NewMemory()
		term, ca := newTermOf(store), &authority{}
		term.authorities = []*authority{ca}
		down := problem(503, "serverInternal", "later")
		for range 8 {
			term.authorityFailed(t.Context(), ca, down)
		}
		if ca.failing != 1 || time.Until(ca.pause) > 2*authorityWait {
			t.Errorf("%d failures, and a pause of %v", ca.failing, time.Until(ca.pause))
		}
		if item, err := store.Get(t.Context(), gatelodge.AuthorityItem); err != nil || !strings.Contains(string(item.Data["failure"]), "later") {
			t.Errorf("stored %s, %v", item.Data, err)
		}
		time.Sleep(authorityWait * 2)
		term.authorityFailed(t.Context(), ca, down)
		if ca.failing != 2 {
			t.Errorf("%d failures, want 2", ca.failing)
		}
		newTermOf(store).authorityRecovered(t.Context(), &authority{}) // of another leader
		if _, err := store.Get(t.Context(), gatelodge.AuthorityItem); !errors.Is(err, gatelodge.ErrNotFound) {
			t.Errorf("the problem is still stored: %v", err)
		}
	})
}
