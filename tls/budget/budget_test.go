package budget

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"gatelodge.dev"
)

func TestRegisteredDomain(t *testing.T) {
	for name, want := range map[gatelodge.Name]string{
		"www.example.com":      "example.com",
		"*.shop.example.co.uk": "example.co.uk",
		"a.b.github.io":        "b.github.io",
		"github.io":            "github.io",
		"localhost":            "localhost",
	} {
		if got := RegisteredDomain(name); got != want {
			t.Errorf("the registered domain of %s is %s, want %s", name, got, want)
		}
	}
}

// TestBuckets: a limit allows its number at once, then one each time that one is
// refilled, and what is not used is there again after its period.
func TestBuckets(t *testing.T) {
	l := NewLedger(gatelodge.CALimits{Orders: gatelodge.Rate{Count: 3, Per: 3 * time.Hour}})
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	take := func(when string, n int) {
		t.Helper()
		for i := range n {
			o := Order{Names: []gatelodge.Name{gatelodge.Name(fmt.Sprintf("a%d.test", i))}}
			if at, _ := l.Shared(o, now); at.After(now) {
				t.Fatalf("%s: order %d of %d has to wait until %v", when, i+1, n, at)
			}
			l.Take(o, now)
		}
		if at, limit := l.Shared(Order{Names: []gatelodge.Name{"more.test"}}, now); !at.After(now) || limit != Orders {
			t.Errorf("%s: one more is allowed", when)
		}
	}
	take("at first", 3)
	if at, limit := l.Shared(Order{Names: []gatelodge.Name{"renewed.test"}, Renewal: true}, now); at.After(now) {
		t.Errorf("a renewal waits for the limit %s", limit)
	}
	now = now.Add(time.Hour)
	take("after an hour", 1)
	now = now.Add(30 * 24 * time.Hour)
	take("after a month", 3)
	l.Return(Order{Names: []gatelodge.Name{"a0.test"}})
	take("after one was returned", 1)
}

// TestLedgerIsKept: what is read is what was written, for every kind of count.
func TestLedgerIsKept(t *testing.T) {
	l := NewLedger(letsEncrypt)
	now := time.Now().Truncate(time.Millisecond)
	for range 5 {
		l.Take(Order{Names: []gatelodge.Name{"www.example.com"}}, now)
		l.FailedValidation("*.b.example.com", now)
	}
	l.Refused(Key{Domain, "example.net"}, now.Add(time.Hour))
	read := NewLedger(letsEncrypt)
	read.Read(l.Text(now))
	for _, name := range []gatelodge.Name{"www.example.com", "b.example.com", "a.example.net", "example.org"} {
		at, limit := l.Own(name, now)
		shared, by := l.Shared(Order{Names: []gatelodge.Name{name}}, now)
		readAt, readLimit := read.Own(name, now)
		readShared, readBy := read.Shared(Order{Names: []gatelodge.Name{name}}, now)
		if !at.Equal(readAt) || limit != readLimit || !shared.Equal(readShared) || by != readBy {
			t.Errorf("%s: %v %s, %v %s; read: %v %s, %v %s", name, at, limit, shared, by, readAt, readLimit, readShared, readBy)
		}
	}
	if _, limit := read.Own("www.example.com", now); limit != Duplicates {
		t.Errorf("after five certificates for a name the sixth waits for %q", limit)
	}
	if _, limit := read.Own("b.example.com", now); limit != Failures {
		t.Errorf("after five failures of a name it waits for %q", limit)
	}
	if _, by := read.Shared(Order{Names: []gatelodge.Name{"a.example.net"}}, now); by != Domain {
		t.Errorf("of a domain that the CA refuses a name waits for %q", by)
	}
	if text := read.Text(now.Add(30 * 24 * time.Hour)); len(text) > 0 {
		t.Errorf("after a month this is still counted: %s", text)
	}
}

// TestLimitOf: the sentences of Let's Encrypt, today's and earlier ones.
func TestLimitOf(t *testing.T) {
	for detail, want := range map[string]Limit{
		"too many new orders (300) from this account in the last 3h0m0s, retry after 2026-07-01 10:00:36 UTC: see https://letsencrypt.org/docs/rate-limits/#new-orders-per-account":                                                         Orders,
		"too many certificates (50) already issued for \"example.com\" in the last 168h0m0s, retry after 2026-07-01 10:00:36 UTC: see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-registered-domain":                     Domain,
		"too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-07-01 10:00:36 UTC: see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers": Duplicates,
		"too many failed authorizations (5) for \"www.example.com\" in the last 1h0m0s, retry after 2026-07-01 10:00:36 UTC: see https://letsencrypt.org/docs/rate-limits/#authorization-failures-per-identifier-per-account":               Failures,
		"Error creating new order :: too many certificates already issued for: example.com: see https://letsencrypt.org/docs/rate-limits/":                                                                                                  Domain,
		"Error creating new order :: too many certificates (5) already issued for this exact set of domains in the last 168 hours: www.example.com: see https://letsencrypt.org/docs/duplicate-certificate-limit/":                          Duplicates,
		"Service busy; retry later.": "",
	} {
		if got := LimitOf(detail); got != want {
			t.Errorf("%q is about %q, want %q", detail, got, want)
		}
	}
	if at := RetryTime("…in the last 3h0m0s, retry after 2026-07-01 10:00:36 UTC: see …"); !at.Equal(time.Date(2026, 7, 1, 10, 0, 36, 0, time.UTC)) {
		t.Errorf("it may be asked again at %v", at)
	}
}

// TestSharedCertificate: a certificate for several names counts once for each of their
// registered domains, and its names are one set in any order.
func TestSharedCertificate(t *testing.T) {
	l := NewLedger(gatelodge.CALimits{
		Orders: gatelodge.Rate{Count: 10, Per: 10 * time.Hour}, Domain: gatelodge.Rate{Count: 2, Per: week}, Duplicates: gatelodge.Rate{Count: 1, Per: week},
	})
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	order := func(names ...gatelodge.Name) Order { return Order{Names: names} }
	l.Take(order("a.example.com", "b.example.com", "a.example.net"), now)
	for key, want := range map[Key]int{{Orders, ""}: 9, {Domain, "example.com"}: 1, {Domain, "example.net"}: 1, {Domain, "example.org"}: 2, {Failures, "a.example.com"}: math.MaxInt} {
		if got := l.Room(key, now, now); got != want {
			t.Errorf("%v has room for %d, want %d", key, got, want)
		}
	}
	if got := l.Room(Key{Orders, ""}, now, now.Add(3*time.Hour)); got != 12 {
		t.Errorf("within 3 hours there is room for %d orders, want 12", got)
	}
	if _, limit := l.Allowed(order("a.example.net", "b.example.com", "a.example.com"), now); limit != Duplicates {
		t.Errorf("the same names in another order wait for %q", limit)
	}
	if at, limit := l.Allowed(order("a.example.com", "b.example.com"), now); at.After(now) {
		t.Errorf("fewer names wait for %q", limit)
	}
	if at, limit := l.Own("a.example.com", now); at.After(now) {
		t.Errorf("one of the names alone waits for %q", limit)
	}
	l.Return(order("a.example.com", "b.example.com", "a.example.net"))
	if got := l.Room(Key{Domain, "example.com"}, now, now); got != 2 {
		t.Errorf("after the order was returned there is room for %d", got)
	}
	l.Refused(Key{Domain, "example.com"}, now.Add(time.Hour))
	if got := l.Room(Key{Domain, "example.com"}, now, now.Add(time.Minute)); got != 0 {
		t.Errorf("while the CA refuses there is room for %d", got)
	}
}

// TestKeysFor: of the domains of an order the one that the CA names is refused.
func TestKeysFor(t *testing.T) {
	o := Order{Names: []gatelodge.Name{"a.example.com", "*.b.example.net", "c.example.net"}}
	for _, c := range []struct {
		limit  Limit
		detail string
		want   []Key
	}{
		{Orders, "", []Key{{Orders, ""}}},
		{Domain, `too many certificates (50) already issued for "example.net" in`, []Key{{Domain, "example.net"}}},
		{Domain, "too many certificates", []Key{{Domain, "example.com"}, {Domain, "example.net"}}},
		{Failures, `too many failed authorizations (5) for "b.example.net" in`, []Key{{Failures, "b.example.net"}}},
	} {
		if got := KeysFor(c.limit, o, c.detail); !slices.Equal(got, c.want) {
			t.Errorf("%s, %q: %v, want %v", c.limit, c.detail, got, c.want)
		}
	}
}

// TestKnownNames: how many names a certificate may have depends on the profile.
func TestKnownNames(t *testing.T) {
	const directory = "https://acme-v02.api.letsencrypt.org/directory"
	for profile, want := range map[string]int{"": 100, "classic": 100, "tlsserver": 25, "shortlived": 25} {
		if got := Known(directory, profile).Names; got != want {
			t.Errorf("profile %q: %d, want %d", profile, got, want)
		}
	}
	if got := Known("https://ca.example.com/directory", "").Names; got != 0 {
		t.Errorf("of a CA that is not known: %d", got)
	}
}
