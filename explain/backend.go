package explain

import (
	"fmt"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// lately is the age up to which an endpoint's error causes a warning.
const lately = 10 * time.Minute

// backend describes the Service that answers, with its endpoints.
func (t *timeline) backend() *Step {
	if t.route == nil || t.route.Backend == "" {
		return nil
	}
	s := &Step{Kind: Backend, Title: "Backend", State: OK}
	b := t.Snapshot.Backends.Get(t.route.Backend)
	if b == nil {
		s.worse(Broken, fmt.Sprintf("backend %s is not known", t.route.Backend), "")
		return s
	}
	service := b.Namespace + "/" + b.Service
	wrong := t.take(func(p gatelodge.Problem) bool {
		return p.Object.Kind != "Ingress" || strings.Contains(p.Message, service)
	}, gatelodge.BackendMissing, gatelodge.BackendUnsupported)
	t.take(nil, gatelodge.BackendMissing, gatelodge.BackendUnsupported) // those of other routes
	s.Text = fmt.Sprintf("Service %s port %s (%s), %s", service, b.Port, b.Protocol, count(len(b.Endpoints), "endpoint"))
	if len(b.Endpoints) == 0 {
		t.noEndpoints(s, b, wrong)
	}
	t.endpoints(s, b)
	state := Warning
	if len(b.Endpoints) == 0 {
		state = Broken
	}
	s.tell(state, wrong)
	return s
}

// noEndpoints explains why requests are answered with 503.
func (t *timeline) noEndpoints(s *Step, b *gatelodge.Backend, wrong []gatelodge.Problem) {
	why, do := t.Names.Lacking(b.Key), "check the pods that the Service selects: kubectl get pods,endpointslices -n "+b.Namespace
	for _, p := range wrong {
		why, do = fmt.Sprintf("%s: %s", p.Object, p.Message), advice[p.Reason]
		break
	}
	if why == "" {
		why = fmt.Sprintf("Service %s/%s has no endpoints", b.Namespace, b.Service)
	}
	s.worse(Broken, "requests are answered with 503: "+why, do)
}

// endpoints adds the state of each endpoint.
func (t *timeline) endpoints(s *Step, b *gatelodge.Backend) {
	states := t.Proxy.Endpoints(b.Key)
	if states == nil {
		for _, e := range b.Endpoints {
			states = append(states, gatelodge.EndpointState{Address: e.Address, Draining: e.Draining})
		}
	}
	out, failed := 0, 0
	var last *gatelodge.EndpointState
	for i := range states {
		e := &states[i]
		state, text := OK, "ready"
		switch {
		case e.Failing:
			state, text = Broken, "fails its health checks"
		case e.OutUntil.After(t.Now):
			state, text = Broken, "is left alone until "+stamp(e.OutUntil)
		case e.Draining:
			state, text = Info, "draining"
		}
		if state == Broken {
			out++
		}
		if e.Error != "" && t.Now.Sub(e.ErrorAt) < lately {
			failed++
			if last == nil || e.ErrorAt.After(last.ErrorAt) {
				last = e
			}
			if state == OK {
				state = Warning
			}
			s.addAt(state, e.Address.String(), text+", its last error: "+e.Error, e.ErrorAt)
			continue
		}
		s.add(state, e.Address.String(), text)
	}
	why := ""
	if last != nil {
		why = fmt.Sprintf(": %s: %s", last.Address, last.Error)
	}
	const do = "see the log of the pods, and whether something listens at this port (targetPort of the Service)"
	switch n := len(states); {
	case n == 0:
	case out == n:
		s.worse(Broken, fmt.Sprintf("%s of Service %s/%s %s%s", all(n), b.Namespace, b.Service, plural(n, "is out: it fails", "are out: they fail"), why), do)
	case out > 0:
		s.worse(Warning, fmt.Sprintf("%d of %s of Service %s/%s are out: they fail%s", out, count(n, "endpoint"), b.Namespace, b.Service, why), do)
	case failed == n && t.lastFailed():
		s.worse(Broken, fmt.Sprintf("%s of Service %s/%s failed at the last request%s", all(n), b.Namespace, b.Service, why), do)
	case failed > 0:
		s.worse(Warning, fmt.Sprintf("%d of %s of Service %s/%s failed lately%s", failed, count(n, "endpoint"), b.Namespace, b.Service, why), do)
	}
}

// lastFailed reports whether the last request of the route was answered with an
// error of its backend.
func (t *timeline) lastFailed() bool {
	for _, r := range t.requests {
		if r.Path == t.route.Path && r.Endpoint != "" {
			return r.Status >= 500
		}
	}
	return false
}

// traffic describes the last requests.
func (t *timeline) traffic() *Step {
	if t.host == nil || t.Generation == 0 {
		return nil
	}
	s := &Step{Kind: Requests, Title: "Requests", State: Info}
	if len(t.requests) == 0 {
		s.Text = "there was none for the host yet"
		return s
	}
	of, failed := 0, 0
	var first, worst *gatelodge.Handled // of the route
	for i := range t.requests {
		r := &t.requests[i]
		state, scheme := OK, "http"
		if r.Status >= 500 {
			state = Warning
		}
		if r.Secure {
			scheme = "https"
		}
		text := fmt.Sprintf("%d in %s by %s", r.Status, r.Took.Round(time.Microsecond), scheme)
		if r.Endpoint != "" {
			text += " from " + r.Endpoint
		}
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		label := "no route"
		if r.Path != "" {
			label = r.Path
		}
		s.addAt(state, label, text, r.At)
		if t.route == nil || r.Path != t.route.Path {
			continue
		}
		of++
		if first == nil {
			first = r
		}
		if r.Status >= 500 {
			failed++
			if worst == nil {
				worst = r
			}
		}
	}
	switch {
	case of == 0:
		s.Text = "there was none for the path lately"
	case worst == nil:
		s.State, s.Text = OK, fmt.Sprintf("the last was answered with %d in %s, %s", first.Status, first.Took.Round(time.Microsecond), stamp(first.At))
	default:
		s.worse(Warning, fmt.Sprintf("%d of the last %d were answered with an error, the latest with %d%s", failed, of, worst.Status, reason(worst)),
			"see the step before, and the log of the backend")
	}
	return s
}

func reason(r *gatelodge.Handled) string {
	if r.Reason == "" {
		return " by " + r.Endpoint
	}
	return ": " + r.Reason
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func all(n int) string {
	if n == 1 {
		return "the only endpoint"
	}
	return fmt.Sprintf("all %d endpoints", n)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
