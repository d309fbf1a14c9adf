package http1

import "testing"

// TestYieldFollowsItsLuck: an endpoint that answers while others run is
// yielded to each time, even if it is late now and then, and one that does not
// is tried once in a while.
func TestYieldFollowsItsLuck(t *testing.T) {
	for name, c := range map[string]struct {
		there func(wait int) bool // whether a yield at this wait would have luck
		least int                 // yields in 1000 waits
		most  int
	}{
		"always in time":            {func(int) bool { return true }, 1000, 1000},
		"late once in ten":          {func(wait int) bool { return wait%10 != 0 }, 960, 1000},
		"never in time":             {func(int) bool { return false }, 1, 32},
		"late from some time on":    {func(wait int) bool { return wait < 500 }, 500, 530},
		"in time from some time on": {func(wait int) bool { return wait >= 500 }, 460, 520},
	} {
		t.Run(name, func(t *testing.T) {
			var y yield
			yields := 0
			for wait := range 1000 {
				if y.due() {
					yields++
					y.learn(c.there(wait))
				}
			}
			if yields < c.least || yields > c.most {
				t.Errorf("%d yields in 1000 waits, want %d to %d", yields, c.least, c.most)
			}
		})
	}
}
