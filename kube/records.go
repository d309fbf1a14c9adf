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
	names  []gatelodge.Name
	source hostnameSource
	others bool // another controller makes the records
}

// hostnameSource says which names of an Ingress get records.
type hostnameSource uint8

const (
	allHostnames  hostnameSource = iota
	listedOnly                   // those of the annotation hostname
	ruleHostsOnly                // those that rules and aliases give
)

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

func setHostname(a *asked, value string) (err error) {
	a.records.names, err = readNames(value)
	return err
}

func setInternalHostname(*asked, string) error {
	return errors.New("has a meaning on Services alone")
}

func setHostnameSource(a *asked, value string) error {
	switch value {
	case "annotation-only":
		a.records.source = listedOnly
	case "defined-hosts-only":
		a.records.source = ruleHostsOnly
	default:
		return errors.New("is no source of names")
	}
	return nil
}

func setController(a *asked, value string) error {
	a.records.others = value != ourController
	return nil
}

// addHostnames asks for a record of each name of the annotation hostname, and
// for none of the names that are not to get one.
func (in *ingress) addHostnames() {
	records := &in.asked.records
	for i := range in.asks {
		in.asks[i].unpublished = records.others || records.source == listedOnly && !slices.Contains(records.names, in.asks[i].name)
	}
	if records.others || records.source == ruleHostsOnly {
		return
	}
	for _, name := range records.names {
		if !slices.ContainsFunc(in.asks, func(ask hostAsk) bool { return ask.name == name }) {
			in.asks = append(in.asks, hostAsk{name: name, unrouted: true})
		}
	}
}

// sortedAddresses returns the addresses in order and without duplicates, in a
// slice of their own.
func sortedAddresses(addresses []netip.Addr) []netip.Addr {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return slices.Compact(sorted)
}
