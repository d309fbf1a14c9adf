package intent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// recordAsk is what the annotations of ExternalDNS ask for.
type recordAsk struct {
	TTL    time.Duration // 0: that of the zone
	Target *Target       // nil: the addresses of the view
	names  []gatelodge.Name
	source hostnameSource
	others bool // another controller makes the records

	// Of Services alone; "" where they don't say.
	access    string // which addresses of nodes: public or private
	endpoints string // the nodes of the pods instead of the pods: NodeExternalIP or HostIP
}

// hostnameSource says which names of an Ingress get records.
type hostnameSource uint8

const (
	allHostnames  hostnameSource = iota
	listedOnly                   // those of the annotation hostname
	ruleHostsOnly                // those that rules and aliases give
)

// Target is what a name resolves to: addresses, or another name. It is never
// written, and one that did not change is the same pointer.
type Target struct {
	Addresses []netip.Addr // sorted
	Alias     gatelodge.Name
}

// setTTL reads seconds or a duration. A TTL has 31 bits (RFC 2181 §8).
func setTTL(a *asked, value string) error {
	ttl, err := parseDuration(value)
	if err == nil && ttl < time.Second {
		err = errors.New("is too short")
	}
	if err != nil {
		return err
	}
	a.Records.TTL = ttl.Truncate(time.Second)
	return nil
}

func setTarget(a *asked, value string) error {
	var t Target
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if address, err := netip.ParseAddr(item); err == nil {
			if address.Zone() != "" {
				return fmt.Errorf("holds address %q with a zone", item)
			}
			t.Addresses = append(t.Addresses, address.Unmap())
			continue
		}
		name, err := syntax.ParseTarget(item)
		switch {
		case err != nil:
			return fmt.Errorf("holds %.60q, which is neither an address nor a name%s", item, syntax.WriteInstead(item))
		case t.Alias != "" && t.Alias != name:
			return errors.New("holds more than one name")
		}
		t.Alias = name
	}
	if t.Alias != "" && len(t.Addresses) > 0 {
		return errors.New("holds both addresses and a name")
	}
	t.Addresses = SortedAddresses(t.Addresses)
	a.Records.Target = &t
	return nil
}

func setHostname(a *asked, value string) (err error) {
	a.Records.names, err = readNames(value)
	return err
}

func setInternalHostname(*asked, string) error {
	return errors.New("has a meaning on Services alone")
}

func setHostnameSource(a *asked, value string) error {
	switch value {
	case "annotation-only":
		a.Records.source = listedOnly
	case "defined-hosts-only":
		a.Records.source = ruleHostsOnly
	default:
		return errors.New("is not a known source of names")
	}
	return nil
}

func setController(a *asked, value string) error {
	a.Records.others = value != OurController
	return nil
}

// addHostnames asks for a record of each name of the annotation hostname, and
// for none of the names that are not to get one.
func (in *Claimant) addHostnames() {
	records := &in.Asked.Records
	for i := range in.Claims {
		in.Claims[i].Unpublished = records.others || records.source == listedOnly && !slices.Contains(records.names, in.Claims[i].Name)
	}
	if records.others || records.source == ruleHostsOnly {
		return
	}
	for _, name := range records.names {
		if in.claims(name) {
			continue
		}
		if claim := in.claim(name); claim != nil {
			claim.Unrouted = true
		}
	}
}
