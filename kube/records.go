package kube

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// recordAsk is what the annotations of ExternalDNS ask for.
type recordAsk struct {
	ttl    time.Duration // 0: that of the zone
	target *target       // nil: the addresses of the view
}

// target is what a name resolves to: addresses, or another name. It is never
// written, and one that did not change is the same pointer.
type target struct {
	addresses []netip.Addr // sorted
	alias     gatelodge.Name
}

// setTTL reads seconds or a duration. A TTL has 31 bits (RFC 2181 §8).
func setTTL(a *asked, value string) error {
	ttl, err := time.ParseDuration(value)
	if seconds, numeric := strconv.ParseInt(value, 10, 64); numeric == nil {
		if seconds > math.MaxInt32 {
			return errors.New("is too long")
		}
		ttl, err = time.Duration(seconds)*time.Second, nil
	}
	switch {
	case err != nil:
		return errors.New("is no duration")
	case ttl < time.Second:
		return errors.New("is too short")
	case ttl > math.MaxInt32*time.Second:
		return errors.New("is too long")
	}
	a.records.ttl = ttl.Truncate(time.Second)
	return nil
}

func setTarget(a *asked, value string) error {
	var t target
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if address, err := netip.ParseAddr(item); err == nil {
			if address.Zone() != "" {
				return fmt.Errorf("holds address %q with a zone", item)
			}
			t.addresses = append(t.addresses, address.Unmap())
			continue
		}
		name, err := gatelodge.ParseName(item)
		switch {
		case err != nil || name.IsWildcard():
			return fmt.Errorf("holds %.60q, which is neither an address nor a name", item)
		case t.alias != "" && t.alias != name:
			return errors.New("holds more than one name")
		}
		t.alias = name
	}
	if t.alias != "" && len(t.addresses) > 0 {
		return errors.New("holds both addresses and a name")
	}
	t.addresses = sortedAddresses(t.addresses)
	a.records.target = &t
	return nil
}

// sortedAddresses returns the addresses in order and without duplicates, in a
// slice of their own.
func sortedAddresses(addresses []netip.Addr) []netip.Addr {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}
