package pebble

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// Rate is how many a CA allows at once; they are refilled evenly within a time. The zero
// Rate allows any number.
type Rate struct {
	Count int
	Per   time.Duration
}

// Limits of a CA.
type Limits struct {
	Orders   Rate // new orders of an account
	Domain   Rate // certificates for names of a registered domain
	Set      Rate // certificates for the same names
	Failures Rate // failed validations of a name, of an account
}

// LetsEncrypt has the limits of https://letsencrypt.org/docs/rate-limits.
var LetsEncrypt = Limits{
	Orders: Rate{300, 3 * time.Hour}, Domain: Rate{50, 7 * 24 * time.Hour},
	Set: Rate{5, 7 * 24 * time.Hour}, Failures: Rate{5, time.Hour},
}

// limiter counts what is used of Limits. A certificate counts from its order on, until a
// validation fails, so that orders in progress can't exceed a limit together.
type limiter struct {
	limits  Limits
	used    map[string]usage // by what is counted
	refused []string
}

// usage is how much is used of a limit at a time.
type usage struct {
	count float64
	at    time.Time
}

// counted is what something counts towards.
type counted struct {
	key    string
	rate   Rate
	detail string // of the refusal: clients can tell limits apart by nothing else
}

// certificates lists what the certificate of an order counts towards.
func (l *limiter) certificates(o *order) []counted {
	list := []counted{{"set " + strings.Join(o.Names, " "), l.limits.Set, "too many certificates already issued for this exact set of identifiers"}}
	if o.replaces != "" { // a renewal (RFC 9773 §5)
		return list
	}
	seen := make(map[string]bool)
	for _, name := range o.Names {
		domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimPrefix(name, "*."))
		if err != nil {
			domain = name
		}
		if !seen[domain] {
			seen[domain] = true
			list = append(list, counted{"domain " + domain, l.limits.Domain, fmt.Sprintf("too many certificates already issued for %q", domain)})
		}
	}
	return list
}

// taken lists what an order counts towards.
func (l *limiter) taken(o *order) []counted {
	list := l.certificates(o)
	if o.replaces == "" {
		list = append(list, counted{"orders " + o.account, l.limits.Orders, "too many new orders from this account"})
	}
	return list
}

// failures is what a failed validation counts towards.
func (l *limiter) failures(o *order, name string) counted {
	return counted{"failures " + o.account + " " + name, l.limits.Failures, fmt.Sprintf("too many failed authorizations for %q", name)}
}

// admit counts an order, or returns the refusal of one that is beyond a limit.
func (l *limiter) admit(o *order) error {
	limits := l.taken(o)
	for _, name := range o.Names {
		limits = append(limits, l.failures(o, strings.TrimPrefix(name, "*.")))
	}
	for _, c := range limits {
		if c.rate.Count == 0 || l.use(c, 0) <= float64(c.rate.Count-1) {
			continue
		}
		l.refused = append(l.refused, strings.Join(o.Names, " ")+": "+c.detail)
		return &Instead{
			Status: http.StatusTooManyRequests, RetryAfter: fmt.Sprint(int(c.rate.Per.Seconds())/c.rate.Count + 1),
			Body: fmt.Sprintf(`{"type": "urn:ietf:params:acme:error:rateLimited", "detail": %q}`, c.detail),
		}
	}
	l.count(l.taken(o), 1)
	return nil
}

func (l *limiter) count(list []counted, n float64) {
	for _, c := range list {
		if c.rate.Count > 0 {
			l.use(c, n)
		}
	}
}

// use adds to what is used of a limit, and returns how much it is now.
func (l *limiter) use(c counted, n float64) float64 {
	now, before := time.Now(), l.used[c.key]
	refilled := now.Sub(before.at).Seconds() / c.rate.Per.Seconds() * float64(c.rate.Count)
	count := max(0, before.count-refilled+n)
	l.used[c.key] = usage{count, now}
	return count
}
