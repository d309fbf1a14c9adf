package kube

import (
	"maps"
	"time"

	gatelodge "gatelodge.dev"
)

// window counts the hosts that went within the last while. Deleting everything
// arrives as many small changes, each of which is nothing to worry about.
type window struct {
	gone map[gatelodge.Name]time.Time // that were served when the window began, and are not any more
	came map[gatelodge.Name]time.Time // that were not
}

// observe takes in that other hosts are served at a moment, and forgets what
// was before since.
func (w *window) observe(before, now []*gatelodge.Host, at, since time.Time) {
	if w.gone == nil {
		w.gone, w.came = make(map[gatelodge.Name]time.Time), make(map[gatelodge.Name]time.Time)
	}
	early := func(_ gatelodge.Name, t time.Time) bool { return t.Before(since) }
	maps.DeleteFunc(w.gone, early)
	maps.DeleteFunc(w.came, early)

	old, fresh := changed(before, now)
	stays := make(map[gatelodge.Name]bool, len(old))
	for _, host := range old {
		stays[host.Name] = false
	}
	for _, host := range fresh {
		if _, was := stays[host.Name]; was {
			stays[host.Name] = true
		} else if _, back := w.gone[host.Name]; back {
			delete(w.gone, host.Name)
		} else {
			w.came[host.Name] = at
		}
	}
	for name, stayed := range stays {
		if stayed {
			continue
		}
		if _, young := w.came[name]; young {
			delete(w.came, name)
		} else {
			w.gone[name] = at
		}
	}
}

// exceeded tells whether more hosts went than may go at once; now is how many
// are left.
func (w *window) exceeded(cfg *GuardConfig, now int) bool {
	return cfg.tooFew(now-len(w.came), now-len(w.came)+len(w.gone))
}

// tooFew tells whether too many are gone when of before hosts these are left.
func (c *GuardConfig) tooFew(left, before int) bool {
	gone := before - left
	return gone > c.Minimum && float64(gone) > c.Share*float64(before)
}

// changed compares two lists of pointers that are in the same order by and
// large, and returns what is in one of them only. What they have in common
// costs little more than looking at it.
func changed[T comparable](before, now []T) (old, fresh []T) {
	for len(before) > 0 && len(now) > 0 && before[0] == now[0] {
		before, now = before[1:], now[1:]
	}
	for len(before) > 0 && len(now) > 0 && before[len(before)-1] == now[len(now)-1] {
		before, now = before[:len(before)-1], now[:len(now)-1]
	}
	if len(before) == 0 || len(now) == 0 {
		return before, now
	}
	if len(before) == len(now) {
		for i := range before {
			if before[i] != now[i] {
				old, fresh = append(old, before[i]), append(fresh, now[i])
			}
		}
		before, now = old, fresh
	}
	return without(before, now), without(now, before)
}

func without[T comparable](list, others []T) []T {
	known := make(map[T]bool, len(others))
	for _, item := range others {
		known[item] = true
	}
	var rest []T
	for _, item := range list {
		if !known[item] {
			rest = append(rest, item)
		}
	}
	return rest
}
