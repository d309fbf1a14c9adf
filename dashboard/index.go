package dashboard

import (
	"fmt"
	"strings"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// state is the state of something, as the word that is shown.
type state string

const (
	ok      state = "ok"
	warning state = "warning"
	broken  state = "broken"
)

// index is built from a Snapshot, to search hosts and to list those that do not work.
type index struct {
	snapshot *gatelodge.Snapshot
	guard    string // its hash
	at       time.Time
	hosts    []hostEntry
	problems map[objectName][]gatelodge.Problem
	count    map[state]int
}

// hostEntry is a host in a list.
type hostEntry struct {
	Host     *gatelodge.Host
	State    state
	Why      string // the fault, a sentence without a full stop
	Problems int    // of its objects
	text     string // in lower case: name, owner and objects
}

// objectName identifies an object in a Problem and in a route.
type objectName struct{ kind, namespace, name string }

func nameOf(o gatelodge.Object) objectName { return objectName{o.Kind, o.Namespace, o.Name} }

// indexCache keeps the index of the live Snapshot. It is built when a page needs it,
// not at each swap, because usually no page is open.
type indexCache struct {
	mu   sync.Mutex
	last *index
}

// indexAge is how long an index is used, because certificates expire meanwhile.
const indexAge = time.Minute

// indexed returns the index of the live Snapshot.
func (d *Dashboard) indexed() *index {
	s, _, _ := d.snapshot()
	guard, now := d.Guard(), d.Now()
	d.index.mu.Lock()
	defer d.index.mu.Unlock()
	if last := d.index.last; last != nil && last.snapshot == s && last.guard == guard.Hash && now.Sub(last.at) < indexAge {
		return last
	}
	d.index.last = newIndex(s, guard, now)
	return d.index.last
}

func newIndex(s *gatelodge.Snapshot, guard Guard, now time.Time) *index {
	x := &index{
		snapshot: s, guard: guard.Hash, at: now,
		hosts:    make([]hostEntry, 0, s.Hosts.Len()),
		problems: make(map[objectName][]gatelodge.Problem),
		count:    make(map[state]int),
	}
	for p := range s.Problems.All() {
		x.problems[nameOf(p.Object)] = append(x.problems[nameOf(p.Object)], p)
	}
	held := make(map[gatelodge.Name]bool)
	for _, name := range guard.Hosts {
		held[name] = true
	}
	for _, h := range s.Hosts.All() {
		entry := x.entry(h)
		if held[h.Name] && entry.State == ok {
			entry.State, entry.Why = warning, "it was withdrawn, and the guard keeps it"
		}
		x.hosts = append(x.hosts, entry)
		x.count[entry.State]++
	}
	return x
}

// entry returns the state of a host. Faults that only requests can reveal, such as an
// endpoint that refuses connections, are on the host's page.
func (x *index) entry(h *gatelodge.Host) hostEntry {
	e := hostEntry{Host: h, State: ok}
	text := []string{hostName(h.Name), h.Owner}
	seen := make(map[objectName]bool)
	for _, o := range objectsOf(h) {
		if name := nameOf(o); !seen[name] {
			seen[name] = true
			text = append(text, o.String())
			e.Problems += len(x.problems[name])
		}
	}
	e.text = strings.ToLower(strings.Join(text, " "))
	e.State, e.Why = x.judge(h)
	if e.State == ok && e.Problems > 0 {
		e.State, e.Why = warning, count(e.Problems, "problem")+" of its objects"
	}
	return e
}

// judge finds what prevents the host from working.
func (x *index) judge(h *gatelodge.Host) (state, string) {
	if h.Passthrough == nil && h.WantsTLS && len(h.Certificates) == 0 {
		return broken, "it has no certificate"
	}
	if h.ClientAuth != nil && h.ClientAuth.Unavailable != "" {
		return broken, "client certificates can't be verified: " + h.ClientAuth.Unavailable
	}
	var failing int
	var first string
	for _, r := range h.Routes {
		if why := x.stops(r); why != "" {
			if failing++; failing == 1 {
				first = why
			}
		}
	}
	switch {
	case failing == 1 && len(h.Routes) == 1:
		return broken, first
	case failing > 0:
		return broken, fmt.Sprintf("%d of %d routes: %s", failing, len(h.Routes), first)
	case len(h.Routes) == 0:
		return warning, "it has no route"
	}
	if len(h.Certificates) > 0 {
		preferred := h.Certificates[0]
		if left := preferred.NotAfter.Sub(x.at); left < soon(preferred) {
			return warning, "a certificate expires " + from(left)
		}
	}
	return ok, ""
}

// stops returns why the route's backend can't answer any request; "": it can.
func (x *index) stops(r *gatelodge.Route) string {
	if r.Policy != nil && r.Policy.Unavailable != "" {
		return r.Policy.Unavailable
	}
	if r.Backend == "" {
		return ""
	}
	b := x.snapshot.Backends.Get(r.Backend)
	if b == nil || len(b.Endpoints) == 0 {
		return fmt.Sprintf("%s has no endpoints", r.Backend)
	}
	return ""
}

// objectsOf returns the objects of a host.
func objectsOf(h *gatelodge.Host) (objects []gatelodge.Object) {
	for _, r := range h.Routes {
		objects = append(objects, r.Object)
	}
	if h.ClientAuth != nil {
		objects = append(objects, h.ClientAuth.Object)
	}
	return objects
}

// soon is how long before its expiry a certificate gets a warning: a renewal would have
// happened by then.
func soon(c *gatelodge.Certificate) time.Duration {
	return min(7*24*time.Hour, c.NotAfter.Sub(c.NotBefore)/5)
}

// from formats a time relative to now: "in 12 days", "3 hours ago".
func from(left time.Duration) string {
	unit, name := time.Minute, "minute"
	size := left.Abs()
	switch {
	case size >= 48*time.Hour:
		unit, name = 24*time.Hour, "day"
	case size >= 2*time.Hour:
		unit, name = time.Hour, "hour"
	}
	text := count(int(size/unit), name)
	if left < 0 {
		return text + " ago"
	}
	return "in " + text
}
