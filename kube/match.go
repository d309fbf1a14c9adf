package kube

// matches tells for each item of a list where it stood in the list before, and
// -1 for one that is new. It is made for lists most of which stays in place, and
// looks no further than a few items: what has moved far counts as new, which
// costs the work that it saves others and changes no result.
func matches[T comparable](before, now []T) []int {
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
