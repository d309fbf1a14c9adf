package undertest

import (
	"testing"
	"time"
)

const (
	// patience is how long Await waits: long, as a machine may have much else to do.
	patience = 2 * time.Minute
	// answerTime is how long a client waits for an answer, for the same reason.
	answerTime = 30 * time.Second
)

// A Runner is something that Await waits for in vain once it has ended, such as a
// process.
type Runner interface {
	// Crashed returns an error if it has ended by itself.
	Crashed() error
}

// Await calls try until it returns nil. It fails the test after two minutes, or as
// soon as one of the runners has ended by itself.
func Await(t testing.TB, what string, try func() error, runners ...Runner) {
	t.Helper()
	AwaitWithin(t, patience, what, try, runners...)
}

// AwaitWithin is Await with another limit. Between two attempts it waits about as
// long as an attempt takes, so that expensive ones leave time to others.
func AwaitWithin(t testing.TB, limit time.Duration, what string, try func() error, runners ...Runner) {
	t.Helper()
	const shortest, longest = 5 * time.Millisecond, 200 * time.Millisecond
	deadline := time.After(limit)
	for {
		began := time.Now()
		err := try()
		if err == nil {
			return
		}
		for _, runner := range runners {
			if crash := runner.Crashed(); crash != nil {
				t.Fatalf("waiting for %s: %v: %v", what, err, crash)
			}
		}
		select {
		case <-time.After(min(max(time.Since(began), shortest), longest)):
		case <-deadline:
			t.Fatalf("waited %v for %s: %v", limit, what, err)
		}
	}
}
