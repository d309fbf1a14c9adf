package annotations

import (
	"errors"
	"fmt"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// LimitsAsk is what the annotations say about how much, how fast and for how long.
type LimitsAsk struct {
	client      gatelodge.ClientLimits
	bodyBytes   *int64
	maxRequests int
	maxPending  int
	bandwidth   gatelodge.Bandwidth
	timeouts    gatelodge.RouteTimeouts
	retries     gatelodge.RetryRules
}

const (
	exempt      = "limit-allowlist"
	olderExempt = "limit-whitelist"
)

// mostCount is the largest number that a limit can be.
const mostCount = 1_000_000

// expectsCount and the like complete "expected …".
const (
	expectsCount    = "a number from 0 to 1000000, where 0 is no limit"
	expectsKiB      = "a number of KiB from 0 to 1000000000, where 0 is none"
	expectsDuration = "seconds, or a duration such as 90s or 500ms"
)

func limitRows() []row {
	return []row{
		{"limit-rps", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.client.PerSecond }), true,
			"Requests a second of each client; those beyond get 429 ([limits.md](limits.md#clients)).", "The status is 429, where ingress-nginx has 503 unless its `limit-req-status-code` says otherwise."},
		{"limit-rpm", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.client.PerMinute }), true,
			"Requests a minute of each client.", "As `limit-rps`."},
		{"limit-burst-multiplier", "a number from 0 to 1000", setCount(1000, func(l *LimitsAsk) *int { return &l.client.Burst }), true,
			"So many times the number of `limit-rps` and `limit-rpm` may come at once beyond the rate, by default 5.", ""},
		{"limit-connections", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.client.Connections }), true,
			"Requests of each client at a time; those beyond get 429.", "As `limit-rps`; and requests are counted, also those of one HTTP/2 connection."},
		{exempt, sourceRangeExpects, setExempt, false,
			"Clients to which these limits don't apply.", ""},
		{olderExempt, sourceRangeExpects, setExempt, false,
			"The older name of `limit-allowlist`.", ""},
		{"limit-rate", expectsKiB, setKiB(func(l *LimitsAsk) *int64 { return &l.bandwidth.Rate }), false,
			"How fast the body of an answer is sent, in KiB a second.", ""},
		{"limit-rate-after", expectsKiB, setKiB(func(l *LimitsAsk) *int64 { return &l.bandwidth.After }), false,
			"After how much at full speed.", ""},
		{"max-requests", expectsCount, setCount(mostCount, func(l *LimitsAsk) *int { return &l.maxRequests }), true,
			"Requests at a backend at a time; those beyond wait, or get 503 at once ([limits.md](limits.md#backends)).", ""},
		{"max-pending", "a number from 0 to 1000000", setCount(mostCount, func(l *LimitsAsk) *int { return &l.maxPending }), false,
			"How many of those wait for their turn.", ""},
		{"proxy-body-size", "a size such as 512k, 8m or 1g, or 0 for no limit", setBodySize, false,
			"The largest body of a request; beyond it the answer is 413.", "The default is `limits.bodyBytes` of the configuration, which is no limit, where ingress-nginx has 1m. A size that is not valid, such as `100Mi`, is a problem, and the limit is 1m as there."},
		{"proxy-connect-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Connect }), false,
			"In place of `timeouts.connect` of the configuration, at the backend.", ""},
		{"proxy-send-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Send }), false,
			"In place of `timeouts.send`.", ""},
		{"proxy-read-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Read }), false,
			"In place of `timeouts.read`.", ""},
		{"request-timeout", expectsDuration, setTimeout(func(l *LimitsAsk) *time.Duration { return &l.timeouts.Request }), false,
			"How long a whole request may take; beyond it the answer is 504, or is cut off where it has begun.", ""},
		{"proxy-next-upstream", `"off", or some of ` + gatelodge.RetryWords(), setNextUpstream, false,
			"For what a request is sent to another endpoint ([backends.md](backends.md#retries)).", ""},
		{"proxy-next-upstream-tries", "a number from 0 to 100, where 0 is as many as there are endpoints", setTries, false,
			"How often at most, with the first time. By default `retries.attempts` of the configuration.", ""},
		{"proxy-next-upstream-timeout", expectsDuration + ", where 0 is no bound", setRetryWithin, false,
			"No further try begins later than this.", ""},
	}
}

// defaultLimits are those of an Ingress without annotations. The burst is
// ingress-nginx's.
func defaultLimits() LimitsAsk {
	return LimitsAsk{
		client:  gatelodge.ClientLimits{Burst: 5},
		retries: gatelodge.RetryRules{On: gatelodge.DefaultRetries},
	}
}

// SetOn sets what is asked for, and leaves nil what is not.
func (l *LimitsAsk) SetOn(p *gatelodge.Policy) {
	if l.limitsClients() {
		c := l.client
		p.ClientLimits = &c
	}
	p.BodyBytes = l.bodyBytes
	if l.maxRequests > 0 {
		p.BackendLimits = &gatelodge.BackendLimits{Requests: l.maxRequests, Pending: l.maxPending}
	}
	if b := l.bandwidth; b.Rate > 0 {
		p.Bandwidth = &b
	}
	if t := l.timeouts; t != (gatelodge.RouteTimeouts{}) {
		p.Timeouts = &t
	}
	if r := l.retries; r != (gatelodge.RetryRules{On: gatelodge.DefaultRetries}) {
		p.Retries = &r
	}
}

// limitsClients reports whether there is a limit for clients.
func (l *LimitsAsk) limitsClients() bool {
	return l.client.PerSecond > 0 || l.client.PerMinute > 0 || l.client.Connections > 0
}

// check looks at the annotations together, once all were read.
func (l *LimitsAsk) check(tell Report) {
	if l.maxPending > 0 && l.maxRequests == 0 {
		tell(gatelodge.BadAnnotation, "annotation max-pending needs max-requests, the number of requests beyond which others wait")
	}
}

// setCount returns what reads a number from 0 to most into a field.
func setCount(most int, field func(*LimitsAsk) *int) func(*Asked, string) error {
	return func(a *Asked, value string) error {
		n, err := syntax.ParseCount(value, int64(most))
		if err == nil {
			*field(&a.Limits) = int(n)
		}
		return err
	}
}

func setKiB(field func(*LimitsAsk) *int64) func(*Asked, string) error {
	return func(a *Asked, value string) error {
		n, err := syntax.ParseCount(value, 1_000_000_000)
		if err == nil {
			*field(&a.Limits) = n << 10
		}
		return err
	}
}

// setTimeout returns what reads seconds or a duration into a field.
func setTimeout(field func(*LimitsAsk) *time.Duration) func(*Asked, string) error {
	return func(a *Asked, value string) error {
		d, err := syntax.ParseDuration(value)
		if err == nil && d < time.Millisecond {
			err = errors.New("is too short")
		}
		if err == nil {
			*field(&a.Limits) = d
		}
		return err
	}
}

// setBodySize takes what is not valid for ingress-nginx's default.
func setBodySize(a *Asked, value string) error {
	size, err := syntax.ParseSize(value)
	if err != nil {
		size, err = 1<<20, fmt.Errorf("%w (the limit is 1m, as with ingress-nginx)", err)
	}
	a.Limits.bodyBytes = &size
	return err
}

func setExempt(a *Asked, value string) (err error) {
	a.Limits.client.Exempt, err = syntax.ReadNetworks(value)
	return err
}

func setNextUpstream(a *Asked, value string) (err error) {
	on, err := gatelodge.ParseRetryConditions(value)
	if err == nil {
		a.Limits.retries.On = on
	}
	return err
}

// setTries: 0 is as many as there are endpoints.
func setTries(a *Asked, value string) error {
	n, err := syntax.ParseCount(value, gatelodge.MostTries)
	if n == 0 {
		n = gatelodge.MostTries
	}
	if err == nil {
		a.Limits.retries.Tries = int(n)
	}
	return err
}

func setRetryWithin(a *Asked, value string) (err error) {
	d, err := syntax.ParseDuration(value)
	if err == nil {
		a.Limits.retries.Within = d
	}
	return err
}
