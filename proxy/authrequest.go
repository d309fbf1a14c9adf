package proxy

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// mostAsking is how many requests of one namespace may wait for its services at a
// time: each has a connection.
const mostAsking = 1024

// mostAuthBody is how much of an answer's body is read, in octets. It says nothing,
// and a longer one costs the connection.
const mostAuthBody = 64 << 10

// longestQuestion bounds how long an answer is waited for where the timeouts do not.
const longestQuestion = time.Minute

// ask asks the service about the request. It returns an answer where the service does
// not say what becomes of it.
func (a *externalAuth) ask(r *request) (*verdict, *answer) {
	path, query, err := r.authTarget(a.Target)
	if err != nil {
		return nil, badRequest(err.Error())
	}
	set, refused := a.set.with(r)
	if refused != nil {
		return nil, refused
	}
	namespace := r.route.source.Object.Namespace
	if !a.server.asking.enter(namespace) {
		full := unavailable(fmt.Sprintf("external auth: %d requests of namespace %s wait for their services", mostAsking, namespace))
		full.fields = retryAfter(time.Second)
		return nil, full
	}
	defer a.server.asking.leave(namespace)

	v := &verdict{auth: a}
	q := &question{timeouts: r.table.settings.Timeouts}
	if route := r.route.source.Policy.Timeouts; route != nil {
		q.timeouts = route.Over(q.timeouts)
	}
	q.Exchange = exchange.Exchange{
		Context: r.x.Context, Cancellation: r.x.Cancellation, Conn: r.x.Conn, Client: r.x.Client, Version: r.x.Version,
		Method: cmp.Or(a.Method, "GET"), Scheme: r.scheme, Authority: a.Host, Path: path, Query: query,
		Body: &checkBody{}, Response: v, Timeouts: &q.timeouts,
	}
	defer q.within(r).end()

	sub := a.server.begin(&q.Exchange)
	sub.table, sub.asking = r.table, true
	if r.held != nil {
		sub.hold().span = r.held.span
	}
	q.Header = a.fields(r, sub.fields, set)
	if a.Backend == "" || a.OwnHost != "" && a.OwnHost == r.name {
		q.Authority = r.x.Authority
		err = a.askOwnHost(sub)
	} else {
		err = a.askService(sub, r)
	}
	switch {
	case v.long || err == nil && v.status != 0:
		v.auth = nil // it may be kept for longer
		return v, nil
	case r.x.Context.Err() != nil || r.x.Cancellation.HungUp():
		return nil, hungUp("client: hung up while the external auth was asked")
	case err == nil:
		err = errors.New("it has no endpoints")
	}
	return nil, serverError("the service can't be asked: " + err.Error())
}

// question is a request to a service.
type question struct {
	exchange.Exchange
	timeouts gatelodge.Timeouts
}

// within bounds the time that the question takes, whatever the service sends.
func (q *question) within(r *request) *expiry {
	t := &q.timeouts
	most := longestQuestion
	if t.Read > 0 {
		most = min(most, t.Connect+t.Read)
	}
	at := time.Now().Add(most)
	if route := r.route.source.Policy.Timeouts; route != nil && route.Request > 0 && r.started.Add(route.Request).Before(at) {
		at = r.started.Add(route.Request)
	}
	if left := max(time.Until(at), 1); t.Connect == 0 || t.Connect > left {
		t.Connect = left
	}
	return newExpiry(&q.Exchange, at)
}

// askService sends the question to a backend.
func (a *externalAuth) askService(sub, r *request) error {
	defer a.server.recycle(sub)
	b := r.table.backends.Get(a.Backend)
	if b == nil || len(b.eligible) == 0 {
		return nil
	}
	sub.route = &route{source: &gatelodge.Route{Backend: a.Backend, Policy: &gatelodge.Policy{}}, inTurns: true, series: r.route.series}
	return sub.send(b)
}

// askOwnHost answers the question here, as if it had left the gateway for its own
// address and come back: with ingress-nginx that is what "https://$host/…" does.
// All policies of the route that it leads to apply.
func (a *externalAuth) askOwnHost(sub *request) error {
	defer a.server.end(sub)
	if a.Secure {
		sub.x.Scheme, sub.scheme = "https", "https"
	}
	return sub.serve()
}

// fields makes the fields of the question, as the template of ingress-nginx has them
// in its location of auth_request: those of the request, and what it is about. What
// the client says of that itself is left out, and so is what would have the service
// answer otherwise than to a plain question: conditions, ranges, another method, and
// all that is about a body.
func (a *externalAuth) fields(r *request, fields exchange.Fields, set editList) exchange.Fields {
	for _, f := range r.x.Header {
		if strings.IndexByte(f.Name, '_') < 0 && !isForwarded(f.Name) && !isOfQuestion(f.Name) {
			fields = append(fields, f)
		}
	}
	client := r.x.Client.Addr().Unmap().String()
	target := r.path + r.x.Query
	if a.Method != "" {
		fields.Add("x-original-uri", target)
		fields.Add("x-scheme", r.scheme)
	}
	fields.Add("x-original-url", r.scheme+"://"+r.canonicalAuthority()+target)
	fields.Add("x-original-method", r.x.Method)
	fields.Add("x-sent-from", "nginx-ingress-controller") // which services look at
	fields.Add("x-real-ip", client)
	fields.Add("x-forwarded-for", client)
	fields.Add("x-request-id", r.id)
	redirect := target
	if a.RequestRedirect != nil {
		redirect = r.authText(a.RequestRedirect)
	}
	fields.Add("x-auth-request-redirect", redirect)
	fields = r.addClientFields(fields)
	for i := range set.request {
		set.request[i].applyTo(&fields, nil)
	}
	return fields
}

// isOfQuestion reports whether a field of a client is not part of a question.
func isOfQuestion(name string) bool {
	switch name {
	case "x-auth-request-redirect", "x-sent-from", "x-scheme", "x-rewrite-url",
		"x-http-method-override", "x-http-method", "x-method-override",
		"range", "te", "expect", "proxy":
		return true
	}
	for _, prefix := range [...]string{"x-original-", "if-", "content-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
