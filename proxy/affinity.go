package proxy

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	gatelodge "gatelodge.dev"
)

// bySession returns the endpoint of the client's session, and starts a session if there
// is none. The cookie contains the whole session, so it survives swaps and restarts,
// and works at every replica.
func (r *request) bySession(c *choice, a *gatelodge.Affinity) *member {
	value, _, _ := strings.Cut(cookieValue(r.x.Header, a.Cookie), sessionBackend)
	own, key := c.backend.session(value, a)
	switch {
	case own == nil:
	case c.may(own.endpoint):
		return own
	case a.ChangeOnFailure:
	case !own.health.isOut(c.now):
		return own // already tried; only this endpoint may know the result of the earlier try
	default:
		if other := c.highest(key, math.Inf(1)); other != nil {
			return other // the same for all requests of the session while this lasts
		}
		return own
	}
	return r.beginSession(c, a, value != "")
}

// session returns the endpoint for a cookie's value, and the key that ranks the other
// endpoints; nil if it leads to none.
func (b *backend) session(value string, a *gatelodge.Affinity) (own *member, key uint64) {
	switch {
	case value == "":
		return nil, 0
	case !a.Persistent:
		key = xxhash.Sum64String(value)
		return b.top(key), key
	}
	key, err := strconv.ParseUint(value, 16, 64)
	if err != nil {
		return nil, 0
	}
	for i := range b.eligible {
		if b.eligible[i].id == key {
			return &b.eligible[i], key
		}
	}
	return nil, 0
}

// top returns the endpoint with the highest rank for a key, in any state.
func (b *backend) top(key uint64) *member {
	var top *member
	best := uint64(0)
	for i := range b.eligible {
		if rank := b.rank(&b.eligible[i], key); rank >= best {
			top, best = &b.eligible[i], rank
		}
	}
	return top
}

// beginSession chooses an endpoint for a session that is new or has to move, and sets
// its cookie.
func (r *request) beginSession(c *choice, a *gatelodge.Affinity, moves bool) *member {
	m := c.byAlgorithm()
	if m == nil {
		return nil
	}
	value := sessionValue(m.id)
	if !a.Persistent {
		m, value = c.hashedSession(m)
	}
	r.response.session = r.sessionCookie(a, value+r.route.session)
	c.backend.series.session(moves)
	return m
}

// hashedSession returns a new session whose value is hashed. The endpoint of a value is
// random, so values are drawn until one leads to an endpoint that can be chosen;
// usually the first does.
func (c *choice) hashedSession(otherwise *member) (m *member, value string) {
	for range 4 * draws {
		value = sessionValue(c.backend.upstream.random())
		m = c.backend.top(xxhash.Sum64String(value))
		if c.may(m.endpoint) && c.admits(m.endpoint) {
			return m, value
		}
	}
	return otherwise, value // most endpoints are out
}

// sessionValue formats a number with all its digits.
func sessionValue(n uint64) string {
	digits := strconv.FormatUint(n, 16)
	return strings.Repeat("0", 16-len(digits)) + digits
}

// sessionCookie returns the Set-Cookie field of a session, with its attributes in
// the order and the form of ingress-nginx.
func (r *request) sessionCookie(a *gatelodge.Affinity, value string) string {
	b := make([]byte, 0, 128)
	b = append(append(append(b, a.Cookie...), '='), value...)
	if a.Expires != nil {
		b = r.started.Add(*a.Expires).UTC().AppendFormat(append(b, "; Expires="...), "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	if a.MaxAge != nil {
		b = strconv.AppendInt(append(b, "; Max-Age="...), int64(a.MaxAge.Seconds()), 10)
	}
	if a.Domain != "" {
		b = append(append(b, "; Domain="...), a.Domain...)
	}
	path := a.Path
	if path == "" {
		path = r.route.source.Path
	}
	if strings.IndexByte(path, ';') >= 0 {
		path = "/" // the path would end the attribute
	}
	b = append(append(b, "; Path="...), path...)
	if a.Secure != nil && *a.Secure || a.Secure == nil && r.scheme == "https" {
		b = append(b, "; Secure"...)
	}
	b = append(b, "; HttpOnly"...)
	if a.SameSite != "" && !(a.SameSite == "None" && a.ConditionalSameSiteNone && mistakesSameSiteNone(r.x.Header.Get("user-agent"))) {
		b = append(append(b, "; SameSite="...), a.SameSite...)
	}
	if a.Partitioned {
		b = append(b, "; Partitioned"...)
	}
	return string(b)
}

// mistakesSameSiteNone reports whether a browser treats SameSite=None as Strict, or
// drops the cookie: all on iOS 12, Safari on macOS 10.14, Chrome from 51 to 66, and UC
// Browser before 12.13.2 (www.chromium.org/updates/same-site/incompatible-clients).
func mistakesSameSiteNone(agent string) bool {
	chrome := versionOf(agent, "Chrome/")
	if chrome == nil {
		chrome = versionOf(agent, "Chromium/")
	}
	switch uc := versionOf(agent, "UCBrowser/"); {
	case strings.Contains(agent, "(iP") && strings.Contains(agent, " OS 12_"):
		return true
	case uc != nil:
		return slices.Compare(uc, []int{12, 13, 2}) < 0
	case chrome != nil:
		return chrome[0] >= 51 && chrome[0] <= 66
	}
	return strings.Contains(agent, "Mac OS X 10_14") && strings.Contains(agent, "AppleWebKit/")
}

// versionOf returns the numbers after a product's name in a User-Agent field, or nil.
func versionOf(agent, product string) (version []int) {
	_, rest, _ := strings.Cut(agent, product)
	rest, _, _ = strings.Cut(rest, " ")
	for part := range strings.SplitSeq(rest, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			break
		}
		version = append(version, n)
	}
	return version
}
