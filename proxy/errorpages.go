package proxy

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// asked is the client's request, before policies changed it.
type asked struct {
	path, query string
	header      exchange.Fields
}

// errorPages lets another backend answer errors: those of the following steps, and
// those of the route's backend.
func errorPages(p *gatelodge.Policy) step {
	pages := p.ErrorPages
	if pages == nil {
		return nil
	}
	return func(r *request) *answer {
		if isGRPC(r.x.Header) {
			return nil // its client can't use a page
		}
		h := r.hold()
		h.pages = pages
		if h.asked.path == "" { // and not another route before
			h.asked = asked{r.x.Path, r.x.Query, slices.Clone(r.x.Header)}
		}
		if !pages.OwnOnly {
			r.response.pages = pages
		}
		return nil
	}
}

// errorPage sends the error page of the backend for errors, and reports whether it
// did. It runs at most once: that backend's own errors are passed on, and if it
// fails the original error is sent.
func (r *request) errorPage(a *answer) (sent bool, err error) {
	b := r.otherBackend(func(pages *gatelodge.ErrorPages) bool { return pages.Has(a.status) })
	if b == nil {
		return false, nil
	}
	x, was := r.x, r.held.asked
	x.Path, x.Query, x.Header = "/", was.query, was.header
	x.Length, x.Upgrade, x.ExpectsContinue = 0, "", false // the rest of the body is not for it
	r.forwardedFields()
	r.describe(a.status)
	r.fields.Set("x-original-uri", was.path+was.query)
	x.Header = r.fields
	edits := r.response.edits
	for i := range a.fields { // such as WWW-Authenticate
		f := &gatelodge.FieldEdit{Change: gatelodge.AddField, Name: a.fields[i].Name}
		r.response.edits = append(slices.Clip(r.response.edits), fieldEdit{f, a.fields[i].Value})
	}
	if err = r.tryOther(b); err != nil && !r.response.begun() && x.Context.Err() == nil {
		r.response.edits = edits
		return false, nil
	}
	return true, err
}

// standIn sends a request whose backend has no endpoints unchanged to the backend for
// errors, and reports whether there is one.
func (r *request) standIn() (sent bool, err error) {
	b := r.otherBackend(func(pages *gatelodge.ErrorPages) bool { return pages.StandIn })
	if b == nil {
		return false, nil
	}
	r.forwardedFields()
	r.editRequest()
	r.describe(503)
	r.x.Header = r.fields
	r.upgradeOnly(b.source.Protocol)
	r.x.Path = cmp.Or(r.rewritten, r.path)
	return true, r.tryOther(b)
}

// otherBackend returns the backend for errors if it is wanted and has endpoints; nil
// otherwise. From then on the request has no error pages.
func (r *request) otherBackend(wanted func(*gatelodge.ErrorPages) bool) *backend {
	if r.held == nil || r.held.pages == nil || !wanted(r.held.pages) {
		return nil
	}
	b := r.table.backends.Get(r.held.pages.Backend)
	r.held.pages, r.response.pages, r.response.judge, r.response.urls = nil, nil, nil, nil
	if b == nil || len(b.eligible) == 0 {
		return nil
	}
	return b
}

func (r *request) tryOther(b *backend) error {
	now := time.Now()
	c := choice{backend: b, now: now}
	return r.try(b, c.random().endpoint, now)
}

// describe sets the fields for the backend for errors, as ingress-nginx does, in place
// of the client's.
func (r *request) describe(status int) {
	key := &r.route.series.key
	port := ""
	if b := r.table.backends.Get(r.route.source.Backend); b != nil {
		port = b.source.Port
	}
	for _, f := range [...]exchange.Field{
		{Name: "x-code", Value: strconv.Itoa(status)},
		{Name: "x-format", Value: r.held.asked.header.Get("accept")},
		{Name: "x-namespace", Value: key.namespace},
		{Name: "x-ingress-name", Value: key.ingress},
		{Name: "x-service-name", Value: key.service},
		{Name: "x-service-port", Value: port},
	} {
		if r.fields.Del(f.Name); f.Value != "" {
			r.fields.Add(f.Name, f.Value)
		}
	}
}
