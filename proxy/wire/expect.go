package wire

import (
	"strings"
	"time"
)

const (
	// MaxInterim is how many 1xx responses an endpoint may send before its answer.
	MaxInterim = 32
	// ContinuePeriod is how long to wait for an endpoint's 100; then the body is sent
	// anyway (RFC 9110 §10.1.1).
	ContinuePeriod = time.Second
)

// CheckExpect returns an error for an Expect field that can't be met. count is the
// number of Expect fields.
func CheckExpect(value string, count int) error {
	if count > 1 || !strings.EqualFold(value, "100-continue") {
		return Statusf(417, "Expect: only 100-continue can be met")
	}
	return nil
}
