package gatelodge

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// RetryRules say when a request is retried at another endpoint, within the budget
// of Retries. Nil: DefaultRetries.
type RetryRules struct {
	On     RetryConditions
	Tries  int           // maximum attempts, including the first; 0: Retries.Attempts
	Within time.Duration // no attempt starts later than this after the first one; 0: unlimited
}

// MostTries is the highest number of attempts that can be configured for a request.
const MostTries = 100

// RetryConditions are the failures after which a request is retried, one bit each.
type RetryConditions uint16

// The conditions. If the endpoint may have processed the request, it is retried
// only if its method is idempotent, or with RetryNonIdempotent.
const (
	RetryError          RetryConditions = 1 << iota // the connection failed, or was closed before a response
	RetryConnectTimeout                             // no connection within the timeout; nothing was sent
	RetryAnswerTimeout                              // no response within the timeout
	RetryInvalidAnswer                              // a response that could not be parsed
	Retry403
	Retry404
	Retry429
	Retry500
	Retry502
	Retry503
	Retry504
	RetryNonIdempotent
)

// RetryStatuses are all conditions that stand for a status.
const RetryStatuses = Retry403 | Retry404 | Retry429 | Retry500 | Retry502 | Retry503 | Retry504

// DefaultRetries apply without RetryRules. A response timeout is not among them,
// because the client has already waited long enough.
const DefaultRetries = RetryError | RetryConnectTimeout | RetryInvalidAnswer

// Has reports whether c includes all of these conditions.
func (c RetryConditions) Has(these RetryConditions) bool { return c&these == these }

// RetryStatus returns the condition for this status, or 0 if there is none.
func RetryStatus(status int) RetryConditions {
	switch status {
	case 403:
		return Retry403
	case 404:
		return Retry404
	case 429:
		return Retry429
	case 500:
		return Retry500
	case 502:
		return Retry502
	case 503:
		return Retry503
	case 504:
		return Retry504
	}
	return 0
}

// retryWord is a value of nginx's proxy_next_upstream.
type retryWord struct {
	word string
	on   RetryConditions
}

func retryWords() []retryWord {
	return []retryWord{
		{"error", RetryError},
		{"timeout", RetryConnectTimeout | RetryAnswerTimeout},
		{"invalid_header", RetryInvalidAnswer},
		{"http_403", Retry403}, {"http_404", Retry404}, {"http_429", Retry429},
		{"http_500", Retry500}, {"http_502", Retry502}, {"http_503", Retry503}, {"http_504", Retry504},
		{"non_idempotent", RetryNonIdempotent},
	}
}

// RetryWords lists the words, for use in a message.
func RetryWords() string {
	var words []string
	for _, w := range retryWords() {
		words = append(words, w.word)
	}
	return strings.Join(words, " ")
}

// ParseRetryConditions parses the words of proxy-next-upstream. "off" is 0.
func ParseRetryConditions(s string) (RetryConditions, error) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return 0, errors.New("is empty")
	}
	var on RetryConditions
	off := false
	for _, word := range words {
		known := word == "off"
		off = off || known
		for _, w := range retryWords() {
			if w.word == word {
				on, known = on|w.on, true
			}
		}
		if !known {
			return 0, fmt.Errorf("holds %.60q, which is not a condition", word)
		}
	}
	if off && on != 0 {
		return 0, errors.New("holds off beside other conditions")
	}
	return on, nil
}

// String returns the form that ParseRetryConditions parses.
func (c RetryConditions) String() string {
	var words []string
	for _, w := range retryWords() {
		if c&w.on != 0 {
			words = append(words, w.word)
		}
	}
	if len(words) == 0 {
		return "off"
	}
	return strings.Join(words, " ")
}

// String lists the rules that are set.
func (r *RetryRules) String() string {
	var b strings.Builder
	if r.On != DefaultRetries {
		fmt.Fprintf(&b, " next-upstream=%q", r.On)
	}
	if r.Tries > 0 {
		fmt.Fprintf(&b, " tries=%d", r.Tries)
	}
	if r.Within > 0 {
		fmt.Fprintf(&b, " retry-within=%s", r.Within)
	}
	return b.String()
}
