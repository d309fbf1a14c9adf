package compare

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Difference is one difference between two answers to a request. Part is "answer" if
// one of them is missing, "status", "body", or the name of a field in lower case.
type Difference struct {
	Part string `json:"part"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// DefaultFields are the fields that clients, caches and browsers act upon. The target
// of a redirect is always compared.
func DefaultFields() []string {
	return []string{
		"access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
		"access-control-allow-origin", "access-control-expose-headers", "access-control-max-age",
		"allow", "cache-control", "content-disposition", "content-encoding", "content-language",
		"content-security-policy", "content-type", "expires", "retry-after", "set-cookie",
		"strict-transport-security", "vary", "www-authenticate", "x-content-type-options", "x-frame-options",
	}
}

// AllFields, as a name in Options.Fields, means every field except those that always
// differ.
const AllFields = "all"

// differByNature lists fields that depend on the time, the connection or the server,
// and not on the answer.
var differByNature = []string{
	"age", "alt-svc", "connection", "content-length", "date", "keep-alive", "proxy-connection", "server", "server-timing",
	"request-id", "traceparent", "tracestate", "trailer", "transfer-encoding", "via",
	"x-correlation-id", "x-request-id", "x-request-start", "x-runtime",
}

// differences compares two answers. If both are missing, nothing differs.
func (o *Options) differences(a, b answer) []Difference {
	switch {
	case a.err != nil && b.err != nil:
		return nil
	case a.err != nil || b.err != nil:
		return []Difference{{"answer", a.came(), b.came()}}
	}
	var found []Difference
	add := func(part, a, b string) {
		if a != b {
			found = append(found, Difference{part, a, b})
		}
	}
	add("status", fmt.Sprint(a.status), fmt.Sprint(b.status))
	add("location", a.location(), b.location())
	for _, name := range o.fields(a, b) {
		if name == "set-cookie" {
			add(name, a.cookies(), b.cookies())
			continue
		}
		add(name, a.field(name), b.field(name))
	}
	if a.status == b.status {
		add("body", a.body, b.body)
	}
	return found
}

// fields lists the names that are compared, in addition to Location.
func (o *Options) fields(a, b answer) []string {
	names := slices.Clone(o.Fields)
	if slices.Contains(names, AllFields) {
		for _, header := range []http.Header{a.header, b.header} {
			for name := range header {
				names = append(names, strings.ToLower(name))
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == AllFields || slices.Contains(differByNature, name) })
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		return name == "location" || slices.Contains(o.Ignore, name)
	})
}

func (a answer) field(name string) string { return strings.Join(a.header.Values(name), ", ") }

// came describes whether there was an answer, for a report in which one is missing.
func (a answer) came() string {
	if a.err != nil {
		return "none: " + a.err.Error()
	}
	return fmt.Sprintf("status %d", a.status)
}

// unstable removes from found what a server answers differently to the same request,
// and returns both lists. The rest of found differs each time.
func unstable(found, again, itself []Difference) (differ, vary []Difference) {
	has := func(list []Difference, part string) bool {
		return slices.ContainsFunc(list, func(d Difference) bool { return d.Part == part })
	}
	for _, d := range found {
		if has(itself, d.Part) || !has(again, d.Part) {
			vary = append(vary, d)
		} else {
			differ = append(differ, d)
		}
	}
	return differ, vary
}
