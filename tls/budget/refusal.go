package budget

import (
	"regexp"
	"strings"
	"time"
)

// marks are parts of what a CA says when it refuses by a limit: ACME has one problem
// type for all of them (RFC 8555 §6.6), so they are told apart by its words, which
// are those of https://letsencrypt.org/docs/rate-limits and of Boulder, its server.
// The first that fits counts.
var marks = []struct {
	text  string
	limit Limit
}{
	{"exact set of", Duplicates},
	{"#new-certificates-per-exact-set", Duplicates},
	{"failed authorizations", Failures},
	{"failed validations", Failures},
	{"#authorization-failures", Failures},
	{"new orders", Orders},
	{"orders per account", Orders},
	{"registered domain", Domain},
	{"already issued for", Domain},
}

// LimitOf returns the limit that the detail of a problem of type rateLimited is
// about, "" if it can't be known.
func LimitOf(detail string) Limit {
	detail = strings.ToLower(detail)
	for _, mark := range marks {
		if strings.Contains(detail, mark.text) {
			return mark.limit
		}
	}
	return ""
}

var retryAfter = regexp.MustCompile(`retry after (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)( UTC|Z)`)

// RetryTime is when the detail of a problem says that the CA may be asked again;
// zero: it does not say.
func RetryTime(detail string) time.Time {
	part := retryAfter.FindStringSubmatch(detail)
	if part == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.DateTime, part[1]+" "+part[2])
	if err != nil {
		return time.Time{}
	}
	return at
}
