package http1

import "testing"

// TestYieldFollowsItsLuck: for an endpoint that responds while others run there is a
// yield each time, even if it is late sometimes; for others only once in a while.
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
				if y.due(0) {
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

// TestYieldLetsThePollerHaveItsTurn: a client's connection uses the poller every
// fourth time, however often yields succeed.
func TestYieldLetsThePollerHaveItsTurn(t *testing.T) {
	var y yield
	inARow := 0
	for wait := range 100 {
		if !y.due(yieldRow) {
			inARow = 0
			continue
		}
		y.learn(true)
		if inARow++; inARow > 3 {
			t.Fatalf("wait %d: %d yields in a row", wait, inARow)
		}
	}
	if y.score <= 0 {
		t.Error("luck was not learned")
	}
}
