package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// verdict is the decision of a service about a request. As the response to the question
// (exchange.Response) it keeps the parts that are used.
type verdict struct {
	auth       *externalAuth
	status     int             // 0: no answer yet
	fields     exchange.Fields // for the backend
	challenges []string        // WWW-Authenticate
	cookies    []string        // Set-Cookie
	keep       time.Duration   // time in the cache; 0: not cached

	read int
	long bool // the body is longer than mostAuthBody
}

// Interim drops an interim response.
func (v *verdict) Interim(int, exchange.Fields) error { return nil }

// Head keeps the status and the fields that are used. Several fields of one name for
// the backend are joined, so that the backend can't choose between them.
func (v *verdict) Head(status int, header exchange.Fields, _ int64) error {
	v.status = status
	for i := range header {
		switch f := &header[i]; f.Name {
		case "set-cookie":
			v.cookies = append(v.cookies, strings.Clone(f.Value))
		case "www-authenticate":
			v.challenges = append(v.challenges, strings.Clone(f.Value))
		}
	}
	for _, name := range v.auth.ResponseFields {
		if value := joined(header, name); value != "" {
			v.fields.Add(name, value)
		}
	}
	if v.auth.CacheKey != nil {
		v.keep = keepFor(header, v.auth.CacheTime(status), time.Now())
	}
	return nil
}

// joined returns the values of all fields of a name as one (RFC 9110 §5.3).
func joined(fields exchange.Fields, name string) string {
	var values []string
	for i := range fields {
		if fields[i].Name == name && fields[i].Value != "" {
			values = append(values, fields[i].Value)
		}
	}
	return strings.Clone(strings.Join(values, ", "))
}

// Write drops the body.
func (v *verdict) Write(p []byte) (int, error) {
	if v.read += len(p); v.read > mostAuthBody {
		v.long = true
		return 0, fmt.Errorf("%w: no more of the answer is read than %d bytes", exchange.ErrClient, mostAuthBody)
	}
	return len(p), nil
}

// Flush does nothing.
func (v *verdict) Flush() error { return nil }

// Trailers drops them.
func (v *verdict) Trailers(exchange.Fields) error { return nil }

// Tunnel rejects an upgrade, because the question requests none.
func (v *verdict) Tunnel(string, exchange.Fields) (exchange.Tunnel, error) {
	return nil, fmt.Errorf("%w: no upgrade was asked for", exchange.ErrClient)
}

// keepFor returns how long an answer may be cached. As with nginx's proxy_cache, the
// answer's own fields take precedence over the rule, and an answer with a cookie is not
// cached, because it is for one client. Neither is one with Vary, because the key does
// not contain those fields.
func keepFor(header exchange.Fields, rule time.Duration, now time.Time) time.Duration {
	if header.Has("set-cookie") || header.Has("vary") {
		return 0
	}
	if said := header.Get("x-accel-expires"); said != "" {
		return secondsOf(said)
	}
	if expires := header.Get("expires"); expires != "" {
		rule = 0
		if at, err := time.Parse(time.RFC1123, expires); err == nil {
			rule = max(0, at.Sub(now))
		}
	}
	shared := false
	for item := range itemsFromRight(header, "cache-control") {
		name, value, _ := strings.Cut(item, "=")
		switch strings.ToLower(name) {
		case "no-cache", "no-store", "private":
			return 0
		case "s-maxage": // takes precedence over max-age (RFC 9111 §5.2.2.10)
			rule, shared = secondsOf(value), true
		case "max-age":
			if !shared {
				rule = secondsOf(value)
			}
		}
	}
	return rule
}

// secondsOf parses a number of seconds; it returns 0 if the text is not valid.
func secondsOf(text string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(text, `"`), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// size estimates the memory of a verdict in a cache, in bytes.
func (v *verdict) size() int {
	n := 256
	for i := range v.fields {
		n += 64 + len(v.fields[i].Value)
	}
	for _, challenge := range v.challenges {
		n += 16 + len(challenge)
	}
	return n
}

// cacheKey returns the cache key of a request: a hash of the author's key, the route
// and the question. The zero value means that the answer is not cached. Each value is
// hashed with its length, so different values never give the same text.
func (a *externalAuth) cacheKey(r *request) (key verdictKey) {
	if a.CacheKey == nil {
		return key
	}
	object := &r.route.source.Object
	parts := []string{a.salt, object.Namespace, object.Name, string(r.host.source.Name), r.route.source.Match.String(), r.route.source.Path}
	for i := range a.CacheKey {
		switch part := &a.CacheKey[i]; part.Value {
		case gatelodge.RequestTarget:
			parts = append(parts, r.path, r.x.Query)
		default:
			parts = append(parts, r.value(part))
		}
	}
	return verdictKeyOf(parts)
}
