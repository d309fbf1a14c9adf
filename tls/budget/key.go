package budget

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatelodge.dev"
)

// Key is what is counted: a limit, and the part of the world that it is counted for.
type Key struct {
	Limit Limit
	Of    string // a registered domain or a name; "": the account
}

// shared lists what an order has in common with those for other names.
func (l *Ledger) shared(o Order) []Key {
	if o.Renewal && !l.Limits.CountRenewals {
		return nil
	}
	return append([]Key{{Orders, ""}}, domains(o)...)
}

// domains lists the registered domains of an order. A certificate counts once for
// each.
func domains(o Order) []Key {
	return distinct(o.Names, func(name gatelodge.Name) Key { return Key{Domain, RegisteredDomain(name)} })
}

// own is what is counted for the names of an order alone.
func own(o Order) []Key {
	return append(failures(o), Key{Duplicates, setOf(o.Names)})
}

// failures lists what is counted for each name of an order.
func failures(o Order) []Key {
	return distinct(o.Names, func(name gatelodge.Name) Key { return Key{Failures, validated(name)} })
}

func distinct(names []gatelodge.Name, keyOf func(gatelodge.Name) Key) []Key {
	keys := make([]Key, 0, 1)
	seen := make(map[Key]bool)
	for _, name := range names {
		if key := keyOf(name); !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// setOf identifies a set of names. A single name stands for itself.
func setOf(names []gatelodge.Name) string {
	if len(names) == 1 {
		return string(names[0])
	}
	sorted := slices.Sorted(slices.Values(names))
	hash := sha256.New()
	for _, name := range sorted {
		fmt.Fprintln(hash, name) // never fails
	}
	return fmt.Sprintf("%s+%d:%x", sorted[0], len(sorted)-1, hash.Sum(nil)[:8])
}

// KeysFor returns what an order is counted for by a limit: of several that which the
// detail of the CA's refusal names, in quotes, or else all.
func KeysFor(limit Limit, o Order, detail string) []Key {
	var keys []Key
	switch limit {
	case Domain:
		keys = domains(o)
	case Duplicates:
		keys = []Key{{limit, setOf(o.Names)}}
	case Failures:
		keys = failures(o)
	default:
		keys = []Key{{limit, ""}}
	}
	named := slices.DeleteFunc(slices.Clone(keys), func(key Key) bool { return !strings.Contains(detail, strconv.Quote(key.Of)) })
	if len(named) > 0 {
		return named
	}
	return keys
}
