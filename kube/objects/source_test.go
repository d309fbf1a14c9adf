package objects

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// fakeSource is dirty at given moments after it started.
type fakeSource struct {
	dirtyAt []time.Duration
	err     error // returned after the last, unless nil
}

func (s *fakeSource) Run(ctx context.Context, dirty func()) error {
	start := time.Now()
	for _, at := range s.dirtyAt {
		time.Sleep(at - time.Since(start))
		dirty()
	}
	if s.err != nil {
		return s.err
	}
	<-ctx.Done()
	return nil
}

func (s *fakeSource) Objects() Objects { return Objects{Now: time.Now()} }

// call is one call of rebuild, in milliseconds after the start.
type call struct{ at, since int64 }

// follow runs Follow for a second and records the calls of rebuild.
func follow(t *testing.T, source Source, poke <-chan struct{}, rebuildAt func(n int) time.Time) []call {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	var calls []call
	err := Follow(ctx, source, poke, func(_ Objects, since time.Time) time.Time {
		calls = append(calls, call{time.Since(start).Milliseconds(), since.Sub(start).Milliseconds()})
		return rebuildAt(len(calls))
	})
	if err != nil {
		t.Errorf("Follow returned %v", err)
	}
	return calls
}

func never(int) time.Time { return time.Time{} }

func milliseconds(ms ...int) []time.Duration {
	var d []time.Duration
	for _, m := range ms {
		d = append(d, time.Duration(m)*time.Millisecond)
	}
	return d
}

// TestDebounce: the first change after a quiet time is built at once, what
// follows is collected until it is quiet, but not for long.
func TestDebounce(t *testing.T) {
	for _, test := range []struct {
		name    string
		dirtyAt []time.Duration
		want    []call
	}{
		{"nothing before the source is complete", milliseconds(300), []call{{300, 300}}},
		{"a lone change is built at once", milliseconds(0, 200), []call{{0, 0}, {200, 200}}},
		{"the next one waits for 10 quiet milliseconds", milliseconds(0, 200, 204), []call{{0, 0}, {200, 200}, {214, 204}}},
		{"a burst is one build", milliseconds(0, 200, 204, 208, 212), []call{{0, 0}, {200, 200}, {222, 204}}},
		{"a stream is built every 50 milliseconds", milliseconds(0, 7, 14, 21, 28, 35, 42, 49, 56, 63),
			[]call{{0, 0}, {57, 7}, {73, 63}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := follow(t, &fakeSource{dirtyAt: test.dirtyAt}, nil, never); !slices.Equal(got, test.want) {
					t.Errorf("rebuilt at, since: %v, want %v", got, test.want)
				}
			})
		})
	}
}

// TestPoke: a changed configuration is built like a changed object, but not
// before the source is complete.
func TestPoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poke := make(chan struct{})
		go func() {
			poke <- struct{}{}
			time.Sleep(500 * time.Millisecond)
			poke <- struct{}{}
		}()
		got := follow(t, &fakeSource{dirtyAt: milliseconds(100)}, poke, never)
		if want := []call{{100, 100}, {500, 500}}; !slices.Equal(got, want) {
			t.Errorf("rebuilt at, since: %v, want %v", got, want)
		}
	})
}

// TestRebuildAt: a certificate that ends needs no event.
func TestRebuildAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := follow(t, &fakeSource{dirtyAt: milliseconds(0)}, nil, func(n int) time.Time {
			if n > 2 {
				return time.Time{}
			}
			return time.Now().Add(300 * time.Millisecond)
		})
		if want := []call{{0, 0}, {300, 300}, {600, 600}}; !slices.Equal(got, want) {
			t.Errorf("rebuilt at, since: %v, want %v", got, want)
		}
	})
}

// TestSourceFails: without a source there is nothing to follow.
func TestSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		err := Follow(t.Context(), &fakeSource{err: broken}, nil, func(Objects, time.Time) time.Time { return time.Time{} })
		if !errors.Is(err, broken) {
			t.Errorf("Follow returned %v", err)
		}
	})
}
