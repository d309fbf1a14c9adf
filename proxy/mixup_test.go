package proxy

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	gatelodge "gatelodge.dev"
)

// TestNothingOfAnotherRequest: whatever a connection carried before, a request
// reaches the backend with its own path and fields, and so does the response. They
// have the same lengths each time, so that they are in the same places of reused
// buffers: an engine that keeps a string from there, as the field tables of HTTP/2
// do, would mix them up.
func TestNothingOfAnotherRequest(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Answer", r.Header.Get("X-Ask"))
			w.Header().Set("Trailer", "X-After")
			_, _ = io.WriteString(w, r.URL.RequestURI()+" "+r.Header.Get("X-Ask"))
			w.Header().Set("X-After", r.Header.Get("X-Ask"))
		})))
		client := g.client(m)
		for i := range 1000 {
			path, field := fmt.Sprintf("/%04d?%04d", i, i), fmt.Sprintf("field-%04d", i)
			r := newRequest(t, "GET", m.url(appHost, path), nil)
			r.Header.Set("X-Ask", field)
			got := do(t, client, r)
			if want := path + " " + field; got.body != want || got.Header.Get("X-Answer") != field || got.Trailer.Get("X-After") != field {
				t.Fatalf("request %d: got %q with field %q and trailer %q, want %q and %q", i, got.body, got.Header.Get("X-Answer"), got.Trailer.Get("X-After"), want, field)
			}
		}
	})
}
