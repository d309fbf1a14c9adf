package gatelodge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ClientLimits bound what one client may ask of all routes of one Ingress together.
// A client is an IPv4 address, or an IPv6 network of 64 bits. Nil: no limits.
type ClientLimits struct {
	PerSecond   int      // requests; 0: unlimited
	PerMinute   int      // requests; 0: unlimited
	Burst       int      // multiple of a rate that may arrive at once, beyond it
	Connections int      // concurrent requests, which in HTTP/1 equal connections; 0: unlimited
	Exempt      Networks // clients without limits
}

func (l *ClientLimits) equal(m *ClientLimits) bool {
	return l == m || l != nil && m != nil &&
		l.PerSecond == m.PerSecond && l.PerMinute == m.PerMinute && l.Burst == m.Burst &&
		l.Connections == m.Connections && slices.Equal(l.Exempt, m.Exempt)
}

// String lists the limits.
func (l *ClientLimits) String() string {
	var b strings.Builder
	for _, item := range []struct {
		name  string
		value int
	}{{"rps", l.PerSecond}, {"rpm", l.PerMinute}, {"connections", l.Connections}} {
		if item.value > 0 {
			fmt.Fprintf(&b, " limit-%s=%d", item.name, item.value)
		}
	}
	if l.PerSecond > 0 || l.PerMinute > 0 {
		fmt.Fprintf(&b, " burst=%d", l.Burst)
	}
	if len(l.Exempt) > 0 {
		fmt.Fprintf(&b, " exempt=%d", len(l.Exempt))
	}
	return b.String()
}

// BackendLimits bound the concurrent requests that the routes with this policy send
// to one Backend. Nil: no limits.
type BackendLimits struct { // concurrent requests; at least 1
	Requests int // further requests that wait in a queue; beyond that they are answered with 503
	Pending  int // further ones that wait for their turn; those beyond are answered with 503
}

// Bandwidth limits how fast the body of a response is sent. Nil: no limit.
type Bandwidth struct { // bytes per second; at least 1
	Rate  int64 // bytes sent at full speed first
	After int64 // bytes that are sent at full speed first
}

// RouteTimeouts override Timeouts for the requests of a route, and add a timeout
// for the whole request. Zero values keep Timeouts, and leave Request unbounded.
type RouteTimeouts struct {
	Connect, Send, Read time.Duration
	// Request bounds the whole request, from its head to the end of its response.
	// It does not apply to tunnels, such as WebSockets.
	Request time.Duration
}

// Over returns t with the overrides of o.
func (o *RouteTimeouts) Over(t Timeouts) Timeouts {
	set := func(to *time.Duration, d time.Duration) {
		if d > 0 {
			*to = d
		}
	}
	set(&t.Connect, o.Connect)
	set(&t.Send, o.Send)
	set(&t.Read, o.Read)
	return t
}

// String lists the timeouts that are set.
func (o *RouteTimeouts) String() string {
	var b strings.Builder
	for _, item := range []struct {
		name  string
		value time.Duration
	}{{"connect", o.Connect}, {"send", o.Send}, {"read", o.Read}, {"request", o.Request}} {
		if item.value > 0 {
			fmt.Fprintf(&b, " %s-timeout=%s", item.name, item.value)
		}
	}
	return b.String()
}
