package objects

// Matches tells for each item of a list where it stood in the list before, and
// -1 for one that is new. It is made for lists most of which stays in place, and
// looks no further than a few items: what has moved far counts as new, which
// costs the work that it saves others and changes no result.
func Matches[T comparable](before, now []T) []int {
	const lookahead = 16
	at := make([]int, len(now))
	next := 0 // in before
	for i, item := range now {
		at[i] = -1
		for j := next; j < min(next+lookahead, len(before)); j++ {
			if before[j] == item {
				at[i], next = j, j+1
				break
			}
		}
		// A new item took the place of an old one if what comes after is the
		// same again.
		if at[i] < 0 && i+1 < len(now) && next+1 < len(before) && now[i+1] == before[next+1] {
			next++
		}
	}
	return at
}

// Changed compares two lists of pointers that are in the same order by and
// large, and returns what is in one of them only. What they have in common
// costs little more than looking at it.
func Changed[T comparable](before, now []T) (old, fresh []T) {
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
	return Without(before, now), Without(now, before)
}

func Without[T comparable](list, others []T) []T {
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
