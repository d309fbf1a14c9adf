package nethttp

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// newRequest makes the request that an endpoint is sent: the exchange's method,
// target, authority and fields as they are, and nothing that net/http would
// add on its own. It shares no string with the exchange (see addHeader).
func (e *Endpoint) newRequest(ctx context.Context, x *exchange.Exchange, body *outgoingBody) *http.Request {
	header := make(http.Header, len(x.Header)+4)
	addHeader(header, x.Header)
	if _, ok := header["User-Agent"]; !ok {
		header["User-Agent"] = nil // or net/http names itself
	}
	if x.Waits {
		header["Expect"] = []string{"100-continue"}
	}
	r := &http.Request{
		Method: strings.Clone(x.Method),
		URL:    e.url(strings.Clone(x.Path), strings.Clone(x.Query)),
		Host:   strings.Clone(x.Authority),
		Header: header,
	}
	if x.Length != 0 {
		r.Body, r.ContentLength, r.GetBody = body, x.Length, body.again
		r.Trailer = announced(header)
		body.trailer = r.Trailer
	}
	return r.WithContext(ctx)
}

// url makes a URL that net/http writes exactly as path and query are.
func (e *Endpoint) url(path, query string) *url.URL {
	u := &url.URL{Scheme: e.scheme, Host: e.host, Opaque: path}
	if strings.HasPrefix(path, "//") {
		// Opaque would be written behind the scheme.
		u.Opaque, u.RawPath = "", path
		u.Path, _ = url.PathUnescape(path) // the handler let no bad escape through
	}
	if query != "" {
		u.RawQuery, u.ForceQuery = query[1:], query == "?"
	}
	return u
}

// announced takes the Trailer field out of h and returns the names that it
// holds. The map takes names that come later too, as from an HTTP/1.1 client.
func announced(h http.Header) http.Header {
	trailer := make(http.Header)
	for _, value := range h["Trailer"] {
		for name := range strings.SplitSeq(value, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if name != "" && !aboutConnection(name) && name != "Trailer" {
				trailer[name] = nil
			}
		}
	}
	delete(h, "Trailer")
	return trailer
}
