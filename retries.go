package gatelodge

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// RetryRules say when a request is sent again to another endpoint, within the
// budget of Retries. Nil: as DefaultRetries says.
type RetryRules struct {
	On     RetryConditions
	Tries  int           // including the first; 0: what Retries.Attempts says
	Within time.Duration // no further try begins later than this after the first; 0: no bound
}

// MostTries is the most tries of a request, where no other number is asked for.
const MostTries = 100

// RetryConditions are what a request is sent again for, one bit each.
type RetryConditions uint16

// The conditions. Where the endpoint may have processed the request, only an
// idempotent one is sent again, unless RetryNonIdempotent is among them.
const (
	RetryError          RetryConditions = 1 << iota // the connection failed, or ended before an answer
	RetryConnectTimeout                             // no connection in time: nothing was sent
	RetryAnswerTimeout                              // no answer in time
	RetryInvalidAnswer                              // an answer that can't be read
	Retry403
	Retry404
	Retry429
	Retry500
	Retry502
	Retry503
	Retry504
	RetryNonIdempotent
)

// RetryStatuses are the conditions of RetryStatus.
const RetryStatuses = Retry403 | Retry404 | Retry429 | Retry500 | Retry502 | Retry503 | Retry504

// DefaultRetries hold without RetryRules. After an answer that did not come in
// time there is no other try: the client has waited for long enough.
const DefaultRetries = RetryError | RetryConnectTimeout | RetryInvalidAnswer

// Has reports whether all of these conditions are among c.
func (c RetryConditions) Has(these RetryConditions) bool { return c&these == these }

// RetryStatus is the condition for an answer with this status, 0 if there is none.
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

// retryWord is a word of nginx's proxy_next_upstream.
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

// RetryWords lists the words for a message.
func RetryWords() string {
	var words []string
	for _, w := range retryWords() {
		words = append(words, w.word)
	}
	return strings.Join(words, " ")
}

// ParseRetryConditions reads the words of proxy-next-upstream. Off is 0.
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

// String is the conditions as ParseRetryConditions reads them.
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

// String lists what is set.
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
