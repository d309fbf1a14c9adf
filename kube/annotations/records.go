package annotations

import (
	"errors"
	"net/netip"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// RecordsAsk is what the annotations of ExternalDNS ask for.
type RecordsAsk struct {
	TTL    time.Duration // 0: that of the zone
	Target *Target       // nil: the addresses of the view
	Names  []gatelodge.Name
	Source HostnameSource
	Others bool // another controller makes the records

	// Of Services alone; "" where they don't say.
	Access    string // which addresses of nodes: public or private
	Endpoints string // the nodes of the pods instead of the pods: NodeExternalIP or HostIP
}

// HostnameSource says which names of an Ingress get records.
type HostnameSource uint8

const (
	AllHostnames  HostnameSource = iota
	ListedOnly                   // those of the annotation hostname
	RuleHostsOnly                // those that rules and aliases give
)

// Target is what a name resolves to: addresses, or another name. It is never
// written, and one that did not change is the same pointer.
type Target struct {
	Addresses []netip.Addr // sorted
	Alias     gatelodge.Name
}

// setTTL reads seconds or a duration. A TTL has 31 bits (RFC 2181 §8).
func setTTL(a *Asked, value string) error {
	ttl, err := syntax.ParseDuration(value)
	if err == nil && ttl < time.Second {
		err = errors.New("is too short")
	}
	if err != nil {
		return err
	}
	a.Records.TTL = ttl.Truncate(time.Second)
	return nil
}

func setTarget(a *Asked, value string) error {
	addresses, alias, err := syntax.ReadTargets(value)
	if err != nil {
		return err
	}
	a.Records.Target = &Target{objects.SortedAddresses(addresses), alias}
	return nil
}

func setHostname(a *Asked, value string) (err error) {
	a.Records.Names, err = syntax.ReadNames(value)
	return err
}

func setInternalHostname(*Asked, string) error {
	return errors.New("has a meaning on Services alone")
}

func setHostnameSource(a *Asked, value string) error {
	switch value {
	case "annotation-only":
		a.Records.Source = ListedOnly
	case "defined-hosts-only":
		a.Records.Source = RuleHostsOnly
	default:
		return errors.New("is not a known source of names")
	}
	return nil
}

func setController(a *Asked, value string) error {
	a.Records.Others = value != OurController
	return nil
}
