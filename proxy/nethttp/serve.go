package nethttp

import (
	"context"
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
	gone     *exchange.Gone
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
	st.response.leaving = &s.leaving
	if limit := settings.Limits.Headers; limit > 0 && len(x.Header) > limit {
		st.response.status = http.StatusRequestHeaderFieldsTooLarge
		w.WriteHeader(st.response.status)
		s.finish(st, nil)
		return
	}
	forget := context.AfterFunc(r.Context(), st.gone.Signal)
	err := s.options.Handler(x)
	forget()
	s.finish(st, err)
}

// fill makes the exchange of a request.
func (st *stream) fill(w http.ResponseWriter, r *http.Request, settings *gatelodge.Settings) *exchange.Exchange {
	x := &st.exchange
	conn := connOf(r)
	path, query := target(r)
	st.gone = new(exchange.Gone) // a late signal must not reach the next request
	*x = exchange.Exchange{
		Context:   r.Context(),
		Gone:      st.gone,
		Conn:      conn,
		Client:    conn.Peer,
		Version:   exchange.HTTP2,
		Method:    r.Method,
		Scheme:    "http",
		Authority: r.Host,
		Path:      path,
		Query:     query,
		Header:    appendFields(st.fields[:0], r.Header),
		Length:    r.ContentLength,
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
	st.body = &requestBody{x: x, request: r, timeout: settings.Timeouts.Body}
	x.Body = st.body
	st.response = response{x: x, writer: w, control: control, timeout: settings.Timeouts.Send}
	return x
}

// finish ends the response as exchange.Response and exchange.Handler promise,
// and gives the memory back.
func (s *Server) finish(st *stream, err error) {
	abort := err != nil || st.response.short()
	if st.response.status == 0 && !errors.Is(err, exchange.ErrClient) {
		st.response.writer.WriteHeader(http.StatusInternalServerError)
		abort = false
	}
	st.body.leave()
	s.release(st)
	if abort {
		panic(http.ErrAbortHandler) // the way to have net/http break a response off
	}
}

// release forgets everything that belongs to the request.
func (s *Server) release(st *stream) {
	clear(st.fields)
	st.exchange, st.body, st.gone, st.response = exchange.Exchange{}, nil, nil, response{}
	s.streams.Put(st)
}

// target returns path and query as the client sent them.
func target(r *http.Request) (path, query string) {
	path = r.RequestURI
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path, query = path[:i], path[i:]
	}
	return path, query
}

// past is a deadline that is over: it ends a Read or Write that is under way.
var past = time.Unix(1, 0)
