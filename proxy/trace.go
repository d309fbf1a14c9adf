package proxy

import (
	"cmp"
	"crypto/tls"
	"errors"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/tracing"
)

// tracer returns the tracer for the settings: the one of the previous table, if it has
// the same settings. If a tracer can't be created, requests are not traced, and the log
// says so.
func (s *Server) tracer(settings *gatelodge.Settings, before *table) *tracing.Tracer {
	if before.tracer.Traces(settings.Tracing) {
		return before.tracer
	}
	tracer, err := s.spans.Open(settings.Tracing)
	if err != nil {
		s.config.Log.Error("requests are not traced", "error", err)
	}
	s.changes.tracer = before.tracer
	return tracer
}

// trace starts the trace of a request. A question to an auth-url service belongs to the
// trace of its request.
func (r *request) trace() {
	if r.asking {
		return
	}
	trusted, name := r.trusted, ""
	if r.route != nil {
		if rules := r.route.source.Policy.Tracing; rules != nil {
			if rules.Off {
				return
			}
			trusted, name = trusted || rules.Trust, rules.Name
		}
	}
	r.hold().span = r.table.tracer.Begin(r.x.Header, trusted, name, r.started)
	r.held.spanName = name
}

// endTrace ends the trace of the request.
func (r *request) endTrace() {
	x := r.x
	of := tracing.Request{
		Name: r.held.spanName, Method: x.Method, Scheme: r.scheme, Host: cmp.Or(string(r.name), x.Authority), Path: cmp.Or(r.path, x.Path),
		Protocol: x.Version.String(), Client: x.Client.Addr().String(), UserAgent: x.Header.Get("user-agent"),
		RequestID: r.id, Status: r.status(), Received: x.Received, Sent: x.Sent, Reason: r.reason,
	}
	if x.Conn.TLS != nil {
		of.TLS = tls.VersionName(x.Conn.TLS.Version)
	}
	if r.route != nil {
		of.Route = r.route.source.Path
		of.Namespace, of.Ingress, of.Service = r.route.series.key.namespace, r.route.series.key.ingress, r.route.series.key.service
	}
	r.held.span.End(&of)
}

// tracedTry sends the request to one endpoint, with its own span.
func (r *request) tracedTry(b *backend, e *endpoint, start time.Time) error {
	try := r.held.span.Try(&r.x.Header, r.x.Method, e.address, len(r.tried)+1, start)
	err := r.tryOnce(b, e, start)
	status := r.response.status
	if other, decided := errors.AsType[*notPassedOn](err); decided {
		status, err = other.status, nil
	}
	try.End(status, err)
	return err
}
