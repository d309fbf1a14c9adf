package proxy

import (
	"slices"
	"strconv"
	"time"

	gatelodge "gatelodge.dev"
)

// cors answers preflight requests of allowed origins, and lets their scripts read all
// other answers, including those of the gateway. It comes before redirects and access
// control, because a preflight request has no credentials and follows no redirect. For
// other origins the backend decides. For a route that can't be served, no origin may
// read anything.
func cors(p *gatelodge.Policy) step {
	c := p.CORS
	if c == nil || p.Unavailable != "" {
		return nil
	}
	var fixed []fieldEdit
	set := func(name, value string) {
		if value != "" {
			fixed = append(fixed, fieldEdit{&gatelodge.FieldEdit{Name: name}, value})
		}
	}
	if c.Credentials {
		set("access-control-allow-credentials", "true")
	}
	set("access-control-allow-methods", c.Methods)
	set("access-control-allow-headers", c.Headers)
	set("access-control-expose-headers", c.Expose)
	set("access-control-max-age", strconv.FormatInt(int64(c.MaxAge/time.Second), 10))
	origin := &gatelodge.FieldEdit{Name: "access-control-allow-origin"}
	// A cache must not give an answer for one origin to another.
	vary := fieldEdit{&gatelodge.FieldEdit{Change: gatelodge.AddField, Name: "vary"}, "Origin"}
	return func(r *request) *answer {
		from, edits := "*", slices.Clip(r.response.edits)
		if !c.AnyOrigin {
			edits = append(edits, vary)
			if from = r.x.Header.Get("origin"); !c.Allows(from) {
				r.response.edits = edits
				return nil
			}
		}
		r.response.edits = append(append(edits, fixed...), fieldEdit{origin, from})
		if r.x.Method == "OPTIONS" {
			return &answer{status: 204, reason: "preflight request"}
		}
		return nil
	}
}
