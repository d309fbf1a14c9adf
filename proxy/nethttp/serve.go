package nethttp

import (
	"errors"
	"net/http"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// stream is one request on the server's side, with most of what an exchange
// needs, so that one piece of memory is used again for the next. The body is
// new each time, for a timer of it may still be about to fire.
type stream struct {
	exchange exchange.Exchange
	body     *requestBody
	response response
	fields   exchange.Fields // the memory of exchange.Header
}

// serve turns a request into an exchange and has it handled.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		w.WriteHeader(http.StatusNotImplemented) // RFC 9110 §9.3.6: we are no tunnel to anywhere
		return
	}
	settings := s.options.Settings()
	st, _ := s.streams.Get().(*stream)
	if st == nil {
		st = new(stream)
	}
	x := st.fill(w, r, settings)
	if limit := settings.Limits.Headers; limit > 0 && len(x.Header) > limit {
		st.response.status = http.StatusRequestHeaderFieldsTooLarge
		w.WriteHeader(st.response.status)
		s.finish(st, nil)
		return
	}
	err := s.options.Handler(x)
	s.finish(st, err)
}

// fill makes the exchange of a request.
func (st *stream) fill(w http.ResponseWriter, r *http.Request, settings *gatelodge.Settings) *exchange.Exchange {
	x := &st.exchange
	conn := connOf(r)
	path, query := target(r)
	*x = exchange.Exchange{
		Context:   r.Context(),
		Conn:      conn,
		Client:    conn.Peer,
		Version:   version(r),
		Method:    r.Method,
		Scheme:    "http",
		Authority: r.Host,
		Path:      path,
		Query:     query,
		Upgrade:   upgrade(r),
		Header:    appendFields(st.fields[:0], r.Header),
		Length:    r.ContentLength,
		Waits:     r.ProtoAtLeast(1, 1) && hasToken(r.Header["Expect"], "100-continue"),
		Response:  &st.response,
	}
	if conn.TLS != nil {
		x.Scheme = "https"
	}
	if wantsTrailers(r.Header) {
		x.Header.Add("te", "trailers")
	}
	for name := range r.Trailer { // net/http took the field that announces them away
		x.Header.Add("trailer", name)
	}
	st.fields = x.Header
	control := http.NewResponseController(w)
	st.body = &requestBody{x: x, request: r, control: control, timeout: settings.Timeouts.Body}
	x.Body = st.body
	st.response = response{x: x, writer: w, control: control, timeout: settings.Timeouts.Send}
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		// Without it net/http reads the rest of the body before it writes.
		_ = control.EnableFullDuplex() // never fails on HTTP/1
	}
	return x
}

// finish ends the response as exchange.Response and exchange.Handler promise,
// and gives the memory back.
func (s *Server) finish(st *stream, err error) {
	if st.response.hijacked {
		s.release(st)
		return
	}
	abort := err != nil || st.response.short()
	if st.response.status == 0 && !errors.Is(err, exchange.ErrClient) {
		st.response.writer.WriteHeader(http.StatusInternalServerError)
		abort = false
	}
	st.response.leave()
	st.body.leave(!abort)
	s.release(st)
	if abort {
		panic(http.ErrAbortHandler) // the way to have net/http break a response off
	}
}

// release forgets everything that belongs to the request.
func (s *Server) release(st *stream) {
	clear(st.fields)
	st.exchange, st.body, st.response = exchange.Exchange{}, nil, response{}
	s.streams.Put(st)
}

func version(r *http.Request) exchange.Version {
	switch {
	case r.ProtoMajor == 2:
		return exchange.HTTP2
	case r.ProtoMinor == 0:
		return exchange.HTTP10
	}
	return exchange.HTTP11
}

// target returns path and query as the client sent them.
func target(r *http.Request) (path, query string) {
	path = r.RequestURI
	if !strings.HasPrefix(path, "/") && path != "*" { // absolute form (RFC 9112 §3.2.2)
		_, path, _ = strings.Cut(path, "://")
		if i := strings.IndexAny(path, "/?"); i >= 0 {
			path = path[i:]
		} else {
			path = "/"
		}
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i:]
	}
	if path == "" {
		path = "/"
	}
	return path, query
}

// upgrade returns the protocol that an HTTP/1.1 client asks for, in lower case.
// A server may ignore that (RFC 9110 §7.8), as is done where a body would be
// read from the connection that became a tunnel.
func upgrade(r *http.Request) string {
	if r.ProtoMajor != 1 || r.ProtoMinor == 0 || r.ContentLength != 0 || !hasToken(r.Header["Connection"], "upgrade") {
		return ""
	}
	return strings.ToLower(r.Header.Get("Upgrade"))
}

// past is a deadline that is over: it ends a Read or Write that is under way.
var past = time.Unix(1, 0)
