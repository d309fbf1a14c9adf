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

// mostAsking is how many requests of one namespace may wait for its services at a time,
// because each needs a connection.
const mostAsking = 1024

// mostAuthBody is how much of an answer's body is read, in octets. The body is ignored;
// after a longer one the connection is closed.
const mostAuthBody = 64 << 10

// longestQuestion limits the wait for an answer if the timeouts don't.
const longestQuestion = time.Minute

// ask asks the service about the request. It returns an answer for the client if the
// service gives no decision.
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
		v.auth = nil // so that a cached verdict does not keep it in memory
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

// within limits the time of the question, whatever the service sends.
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

// askOwnHost routes the question within the gateway, as if it had been sent to the
// gateway's own address, which is what "https://$host/…" does in ingress-nginx. All
// policies of the route apply.
func (a *externalAuth) askOwnHost(sub *request) error {
	defer a.server.end(sub)
	if a.Secure {
		sub.x.Scheme, sub.scheme = "https", "https"
	}
	return sub.serve()
}

// fields returns the fields of the question, like the location for auth_request in
// ingress-nginx's template: those of the client, and fields that describe the request.
// The client's own values of the latter are left out, and so are fields that could
// change the service's answer: conditions, ranges, method overrides, and everything
// about a body.
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
	fields.Add("x-sent-from", "nginx-ingress-controller") // which some services check
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

// isOfQuestion reports whether a field is set by the question itself or must not be in
// it, so that the client's is left out.
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
