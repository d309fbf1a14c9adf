package objects

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// Leaving contains the gateway's addresses that are withdrawn because their replica
// shuts down, each with the latest time when that is over. It is immutable.
type Leaving map[netip.Addr]time.Time

// LeavingItem is the name, after that of the instance, of the Store's item in which
// replicas record withdrawn addresses. In a cluster it is the ConfigMap NAME-leaving.
const LeavingItem = "leaving"

// LeavingPart is the item's one part: a line for each address, with the Unix time.
const LeavingPart = "addresses"

// maxLeaving limits the addresses in the item.
const maxLeaving = 1000

// At returns the addresses that are withdrawn at a time, sorted.
func (l Leaving) At(now time.Time) []netip.Addr {
	var addresses []netip.Addr
	for address, until := range l {
		if now.Before(until) {
			addresses = append(addresses, address)
		}
	}
	return SortedAddresses(addresses)
}

// Next returns when At next changes after a time, and zero if it does not.
func (l Leaving) Next(now time.Time) time.Time {
	var next time.Time
	for _, until := range l {
		if now.Before(until) && (next.IsZero() || until.Before(next)) {
			next = until
		}
	}
	return next
}

// With returns l with other addresses as well.
func (l Leaving) With(addresses []netip.Addr, until time.Time) Leaving {
	next := make(Leaving, len(l)+len(addresses))
	maps.Copy(next, l)
	for _, address := range addresses {
		next[address] = until
	}
	return next
}

// ReadLeaving reads the part. Invalid lines are ignored.
func ReadLeaving(text string) Leaving {
	l := make(Leaving)
	for line := range strings.Lines(text) {
		written, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		address, err := netip.ParseAddr(written)
		seconds, err2 := strconv.ParseInt(at, 10, 64)
		if err == nil && err2 == nil && len(l) < maxLeaving {
			l[address] = time.Unix(seconds, 0)
		}
	}
	return l
}

func (l Leaving) format() []byte {
	var text []byte
	for _, address := range slices.SortedFunc(maps.Keys(l), netip.Addr.Compare) {
		text = fmt.Appendf(text, "%s %d\n", address, l[address].Unix())
	}
	return text
}

// PutLeaving records for all replicas that addresses are withdrawn until a time, or
// that they are not if it has passed. Entries that are over are dropped.
func PutLeaving(ctx context.Context, store gatelodge.Store, addresses []netip.Addr, until, now time.Time) error {
	err := Retried(func() error {
		item, err := store.Get(ctx, LeavingItem)
		if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
			return err
		}
		l := ReadLeaving(string(item.Data[LeavingPart])).With(addresses, until)
		maps.DeleteFunc(l, func(_ netip.Addr, until time.Time) bool { return !now.Before(until) })
		item.Data = map[string][]byte{LeavingPart: l.format()}
		_, err = store.Put(ctx, LeavingItem, item)
		return err
	})
	if err != nil {
		return fmt.Errorf("telling the other replicas which addresses go: %w", err)
	}
	return nil
}
