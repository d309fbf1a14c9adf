package externaldns

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// The prefixes of the annotations. Where both name the same thing, the first wins.
const (
	Prefix = "external-dns.kubernetes.io/"
	Alpha  = "external-dns.alpha.kubernetes.io/"
)

// OurController is what the annotation "controller" says, if anything, where
// ExternalDNS, and so we, are meant.
const OurController = "dns-controller"

// Has reports whether an annotation is ExternalDNS's.
func Has(key string) bool { return strings.HasPrefix(key, Prefix) || strings.HasPrefix(key, Alpha) }

// Find finds the annotation of a name.
func Find(annotations map[string]string, name string) (key, value string, ok bool) {
	for _, prefix := range []string{Prefix, Alpha} {
		if value, ok := annotations[prefix+name]; ok {
			return prefix + name, strings.TrimSpace(value), true
		}
	}
	return "", "", false
}

// Ask is what the annotations ask for.
type Ask struct {
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

// row is an annotation that is honoured.
type row struct {
	name    string
	expects string // completes "expected …"
	set     func(a *Ask, value string) error
}

// ingressRows lists the annotations for an Ingress. Those for single DNS providers are
// none of ours.
func ingressRows() []row {
	return []row{
		{"ttl", "seconds, or a duration such as 5m, from 1s to 2147483647s", setTTL},
		{"target", "addresses, or one name, separated by commas", setTarget},
		{"hostname", "names separated by commas", setHostname},
		{"internal-hostname", "the annotation hostname", setInternalHostname},
		{"ingress-hostname-source", "annotation-only or defined-hosts-only", setHostnameSource},
		{"controller", "", setController},
	}
}

// ReadIngress reads what an Ingress says of its records.
func ReadIngress(ingress map[string]string, tell func(gatelodge.Reason, string, ...any)) Ask {
	return read(ingress, ingressRows(), tell)
}

// SaysMoreOfIngress reports whether an annotation says more of the records of an
// Ingress.
func SaysMoreOfIngress(name string) bool { return hasRow(ingressRows(), name) }

func read(annotations map[string]string, rows []row, tell func(gatelodge.Reason, string, ...any)) (a Ask) {
	for _, row := range rows {
		if key, value, ok := Find(annotations, row.name); ok {
			if err := row.set(&a, value); err != nil {
				tell(gatelodge.BadAnnotation, "annotation %s: %.60q %v, expected %s", key, value, err, row.expects)
			}
		}
	}
	return a
}

func hasRow(rows []row, name string) bool {
	return slices.ContainsFunc(rows, func(row row) bool { return row.name == name })
}

// setTTL reads seconds or a duration. A TTL has 31 bits (RFC 2181 §8).
func setTTL(a *Ask, value string) error {
	ttl, err := syntax.ParseDuration(value)
	if err == nil && ttl < time.Second {
		err = errors.New("is too short")
	}
	if err != nil {
		return err
	}
	a.TTL = ttl.Truncate(time.Second)
	return nil
}

func setTarget(a *Ask, value string) error {
	addresses, alias, err := syntax.ReadTargets(value)
	if err != nil {
		return err
	}
	a.Target = &Target{objects.SortedAddresses(addresses), alias}
	return nil
}

func setHostname(a *Ask, value string) (err error) {
	a.Names, err = syntax.ReadNames(value)
	return err
}

func setInternalHostname(*Ask, string) error {
	return errors.New("has a meaning on Services alone")
}

func setHostnameSource(a *Ask, value string) error {
	switch value {
	case "annotation-only":
		a.Source = ListedOnly
	case "defined-hosts-only":
		a.Source = RuleHostsOnly
	default:
		return errors.New("is not a known source of names")
	}
	return nil
}

func setController(a *Ask, value string) error {
	a.Others = value != OurController
	return nil
}
