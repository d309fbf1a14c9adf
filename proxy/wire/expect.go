package wire

import (
	"strings"
	"time"
)

const (
	// MaxInterim is how many responses with status 1xx an endpoint may send
	// before its answer.
	MaxInterim = 32
	// ContinuePeriod is how long an endpoint is given to ask by 100 for a body,
	// which is sent then all the same (RFC 9110 §10.1.1).
	ContinuePeriod = time.Second
)

// CheckExpect fails for an Expect field that can't be met. count is how many
// there are.
func CheckExpect(value string, count int) error {
	if count > 1 || !strings.EqualFold(value, "100-continue") {
		return Statusf(417, "Expect: only 100-continue can be met")
	}
	return nil
}
