package compile

import (
	"fmt"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
)

// checking is the number of endpoints that are checked, and their total rate in
// thousandths of a check a second.
type checking struct{ endpoints, rate int }

// checkingOf returns the checks of a backend.
func checkingOf(r *backendResult) checking {
	if r == nil || r.backend.Check.Kind == gatelodge.CheckNone {
		return checking{}
	}
	n := len(r.backend.Endpoints)
	return checking{n, int(time.Duration(n) * 1000 * time.Second / max(r.backend.Check.Interval, time.Second))}
}

func (c checking) plus(d checking) checking {
	return checking{c.endpoints + d.endpoints, c.rate + d.rate}
}

func (c checking) minus(d checking) checking {
	return checking{c.endpoints - d.endpoints, c.rate - d.rate}
}

// exceeds reports whether this is more than one namespace may have.
func (c checking) exceeds(b *objects.Bounds) bool {
	return b.ChecksPerNamespace > 0 && c.endpoints > b.ChecksPerNamespace ||
		b.CheckRatePerNamespace > 0 && c.rate > 1000*b.CheckRatePerNamespace
}

// unchecked is a Backend whose endpoints are not checked, because its namespace has too
// many.
type unchecked struct{ backend, asked *gatelodge.Backend }

// inNamespace returns the prefix of the keys of all backends of the namespace.
func inNamespace(key gatelodge.BackendKey) gatelodge.BackendKey {
	return key[:strings.IndexByte(string(key), '/')+1]
}

// countChecks updates the sums of each namespace, and reports whether its bounds limit
// its checks, or did before.
func (m *backendMaker) countChecks(key gatelodge.BackendKey, before, after *backendResult) bool {
	at := inNamespace(key)
	was := m.checking.Get(at)
	now := was.minus(checkingOf(before)).plus(checkingOf(after))
	m.checking.Set(at, now)
	decided := m.unchecked.Get(key) != nil
	if after == nil {
		m.unchecked.Set(key, nil)
	}
	return decided || was.exceeds(&m.cfg.Bounds) || now.exceeds(&m.cfg.Bounds)
}

// keepCheckBounds checks the endpoints of a namespace within its bounds, in the order
// of the backends' keys, and serves all others unchecked. It adds the hosts of backends
// with a change to told.
func (m *backendMaker) keepCheckBounds(results gatelodge.Map[gatelodge.BackendKey, *backendResult], at gatelodge.BackendKey, told follow.Dirty[gatelodge.Name]) {
	var sum checking
	for key, r := range results.From(at) {
		if !strings.HasPrefix(string(key), string(at)) {
			return
		}
		before := m.unchecked.Get(key)
		if all := sum.plus(checkingOf(r)); !all.exceeds(&m.cfg.Bounds) {
			sum = all
			m.list.Set(key, r.backend)
			m.unchecked.Set(key, nil)
		} else if before == nil || before.asked != r.backend {
			served := *r.backend
			served.Check = gatelodge.HealthCheck{}
			m.list.Set(key, &served)
			m.unchecked.Set(key, &unchecked{&served, r.backend})
		} else {
			m.list.Set(key, before.backend)
		}
		if (before == nil) != (m.unchecked.Get(key) == nil) {
			for host := range follow.Of(m.users, key) {
				told[host] = true
			}
		}
	}
}

// uncheckedProblem returns the problem for the author of a route to such a backend.
func (b *backends) uncheckedProblem(route *gatelodge.Route) gatelodge.Problem {
	return gatelodge.Problem{Object: route.Object, Reason: gatelodge.TooMuch, Message: fmt.Sprintf(
		"the endpoints of backend %s are not checked: those of the namespace that are may be %d at most (ingress.bounds.checksPerNamespace), with %d checks a second (ingress.bounds.checkRatePerNamespace)",
		route.Backend, b.cfg.Bounds.ChecksPerNamespace, b.cfg.Bounds.CheckRatePerNamespace)}
}
