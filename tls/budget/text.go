package budget

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxLines limits what is written, so that it fits into a Secret of Kubernetes, which
// holds 1 MiB. What ends soonest is left out.
const maxLines = 8000

// Text returns the Ledger for Read: a line for each bucket that is not full, and for
// each that the CA has closed, with the time of that in milliseconds since 1970.
func (l *Ledger) Text(now time.Time) []byte {
	l.forget(now)
	return appendLines(appendLines(nil, "full", l.full), "closed", l.closed)
}

func appendLines(text []byte, kind string, times map[Key]time.Time) []byte {
	if len(times) > maxLines {
		keys := slices.SortedFunc(maps.Keys(times), func(a, b Key) int { return times[b].Compare(times[a]) })
		kept := make(map[Key]time.Time)
		for _, key := range keys[:maxLines] {
			kept[key] = times[key]
		}
		times = kept
	}
	for key, until := range times {
		text = append(text, kind...)
		text = append(text, ' ')
		text = append(text, key.Limit...)
		text = append(text, ' ')
		text = strconv.AppendInt(text, until.UnixMilli(), 10)
		text = append(text, ' ')
		text = append(text, key.Of...)
		text = append(text, '\n')
	}
	return text
}

// Read merges into the Ledger what Text returned. Lines of another form, which a
// later version may write, are passed over.
func (l *Ledger) Read(text []byte) {
	other := NewLedger(l.Limits)
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(part) != 4 {
			continue
		}
		milliseconds, err := strconv.ParseInt(part[2], 10, 64)
		if err != nil {
			continue
		}
		until := time.UnixMilli(milliseconds)
		switch key := (Key{Limit(part[1]), part[3]}); part[0] {
		case "full":
			other.full[key] = until
		case "closed":
			other.closed[key] = until
		}
	}
	l.Merge(other)
}
