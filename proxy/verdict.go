package proxy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// verdict is what a service says of a request. As the response to the question
// (exchange.Response) it keeps what is used of it.
type verdict struct {
	auth       *externalAuth
	status     int             // 0: it has said nothing yet
	fields     exchange.Fields // for the backend
	challenges []string        // WWW-Authenticate
	cookies    []string        // Set-Cookie
	keep       time.Duration   // for which it may be kept; 0: not at all

	read int
	long bool // the body is longer than is read
}

// Interim drops an interim response.
func (v *verdict) Interim(int, exchange.Fields) error { return nil }

// Head keeps the status and the fields that are used. Of several fields of one name
// for the backend it makes one: nothing that a backend could choose from.
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

// Tunnel refuses an upgrade, which was not asked for.
func (v *verdict) Tunnel(string, exchange.Fields) (exchange.Tunnel, error) {
	return nil, fmt.Errorf("%w: no upgrade was asked for", exchange.ErrClient)
}

// keepFor returns for how long an answer may be kept. As with nginx's proxy_cache, what
// the answer says itself goes before the rules, and one with a cookie is for one
// client. One that varies with fields is not kept, because the key does not have
// those.
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
		case "s-maxage": // goes before max-age (RFC 9111 §5.2.2.10)
			rule, shared = secondsOf(value), true
		case "max-age":
			if !shared {
				rule = secondsOf(value)
			}
		}
	}
	return rule
}

// secondsOf reads a number of seconds; 0 for what is not one.
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

// cacheKey is what answers to a request follow from: the author's key, the route and
// the question. The zero value stands for an answer that is not kept. Values can't
// flow into each other.
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
