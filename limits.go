package gatelodge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ClientLimits bound what one client may ask of the routes of one Ingress
// together. A client is an address, or a network of 64 bits in IPv6. Nil limits
// nothing.
type ClientLimits struct {
	PerSecond   int      // requests; 0: any number
	PerMinute   int      // requests; 0: any number
	Burst       int      // so many times a rate may come at once beyond it
	Connections int      // requests at a time, as many as connections in HTTP/1; 0: any number
	Exempt      Networks // clients without limits
}

func (l *ClientLimits) equal(m *ClientLimits) bool {
	return l == m || l != nil && m != nil &&
		l.PerSecond == m.PerSecond && l.PerMinute == m.PerMinute && l.Burst == m.Burst &&
		l.Connections == m.Connections && slices.Equal(l.Exempt, m.Exempt)
}

// String lists what is limited.
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

// BackendLimits bound the requests that the routes with them send to one Backend
// at a time. Nil limits nothing.
type BackendLimits struct {
	Requests int // at a time; at least 1
	Pending  int // further ones that wait for their turn; those beyond are answered with 503
}

// Bandwidth bounds how fast the body of a response is sent. Nil does not.
type Bandwidth struct {
	Rate  int64 // bytes a second; at least 1
	After int64 // bytes that are sent at full speed first
}

// RouteTimeouts are those of Timeouts for the requests of a route, and one for
// all of a request. Zero: what Timeouts says, and no bound for Request.
type RouteTimeouts struct {
	Connect, Send, Read time.Duration
	// Request is how long the whole request may take, from its head to the end of
	// its response. A tunnel is not bounded.
	Request time.Duration
}

// Over returns the timeouts of a request, where t holds those of all.
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

// String lists what is set.
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
