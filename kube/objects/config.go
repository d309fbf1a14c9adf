package objects

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
)

// Config is what Build needs of the gateway's configuration, validated. A
// Config that was given to Build is never written again: a changed
// configuration is another Config.
type Config struct {
	Controller   string          // IngressClasses of this controller are ours …
	Classes      []string        // … or, when not empty, the classes of these names only
	Selector     labels.Selector // on the labels of Ingresses; nil: all of them
	WithoutClass bool            // Ingresses without a class are ours too
	Namespaces   []string        // of Ingresses; empty: all

	HostSharing         HostSharing
	Defaults            map[string]string     // annotations, by their names without a prefix, of Ingresses that say nothing else
	HealthCheck         gatelodge.HealthCheck // of backends whose Ingress says nothing else
	Compression         gatelodge.Compression // of answers of routes whose Ingress and class say nothing else; it may have no Codings
	DefaultBackend      *ServicePort          // for requests that no rule matches; nil: 404
	RefuseExternalNames bool
	Snippets            bool // those of ingress-nginx are read

	Listeners []gatelodge.Listener
	Settings  *gatelodge.Settings

	Views        []ViewConfig
	Zones        []ZoneConfig
	Catalog      CatalogConfig
	DNSService   Key          // whose addresses the name servers within our zones have …
	DNSAddresses []netip.Addr // … unless they are given here

	ACME                *ACMEConfig      // nil: certificates are not ordered
	DefaultCertificates []Key            // Secrets, for every host that they cover
	BadKeys             []Key            // ConfigMaps with lists of keys that others have
	Zone                string           // topology.kubernetes.io/zone of the gateway; "": hints for zones are not heeded
	LoopbackEndpoints   bool             // endpoints in 127.0.0.0/8 and ::1 are allowed
	Admin               []netip.AddrPort // where the admin endpoint answers, which no route may lead to; all replicas have the port of the first

	Bounds Bounds
	Guard  GuardConfig

	Problems []gatelodge.Problem // of the configuration itself
}

// ACMEConfig says from whom certificates are ordered, and for what beside the
// hosts that ask for one.
type ACMEConfig struct {
	ACMEAccount
	Fallbacks []ACMEAccount      // with CAs that take over, in their order
	Patience  time.Duration      // for which a CA has to fail before the next takes over
	KeyTypes  gatelodge.KeyTypes // of certificates for which nothing else is asked
	Wildcards []ACMEWildcard
	Resolvers []netip.AddrPort // that are asked for CAA records; empty: those of the system

	Adopted       Adopted
	AccountSecret Key // whose tls.key is that of the first account, as cert-manager keeps it; empty: none
}

// Adopted is what other ACME clients kept in files, which is used in place of an order.
type Adopted struct {
	Items      Table[*corev1.Secret] // certificates, as the gateway would keep them, named by where they were found
	AccountKey string                // PEM; "": none
	Problems   []string
}

// ACMEWildcard has a wildcard stand for the hosts of each parent at and below a name.
type ACMEWildcard struct {
	Name gatelodge.Name
	Ask  CertificateAsk
}

// CertificateAsk is what is asked of a CA for the certificates for a name; what is
// zero is left to those who come after.
type CertificateAsk struct {
	KeyTypes gatelodge.KeyTypes
	Profile  string
}

// Or returns what is asked, and where that is nothing what other asks.
func (a CertificateAsk) Or(other CertificateAsk) CertificateAsk {
	return CertificateAsk{cmp.Or(a.KeyTypes, other.KeyTypes), cmp.Or(a.Profile, other.Profile)}
}

// ACMEAccount is an account with a CA.
type ACMEAccount struct {
	Account       gatelodge.Account // without the key of the external account binding …
	BindingSecret Key               // … which is in this Secret, if Account.BindingID is set
	ConfigKey     string            // of the configuration, for problems
}

// Accounts lists all accounts in their order.
func (c *ACMEConfig) Accounts() []ACMEAccount {
	return append([]ACMEAccount{c.ACMEAccount}, c.Fallbacks...)
}

// Uses reports whether certificates are ordered from the CA of a directory.
func (c *ACMEConfig) Uses(directory string) bool {
	return c != nil && slices.ContainsFunc(c.Accounts(), func(a ACMEAccount) bool { return a.Account.Directory == directory })
}

// Persists reports whether names are validated by dns-persist-01 at the CA of a
// directory.
func (c *ACMEConfig) Persists(directory string) bool {
	return c != nil && slices.ContainsFunc(c.Accounts(), func(a ACMEAccount) bool { return a.Account.Directory == directory && a.Account.Persistent })
}

// KeepsCertificates reports whether there may be something to know of certificates in
// the Store.
func (c *Config) KeepsCertificates() bool {
	return c.ACME != nil || c.Settings != nil && c.Settings.TLS.Revocation == gatelodge.RevocationAll
}

// Bounds are the most that one object, and the objects of one namespace, may ask
// for; 0: there is no bound.
type Bounds struct {
	NamesPerIngress   int
	RoutesPerIngress  int
	BytesPerNamespace int64 // of memory, by estimate

	ChecksPerNamespace    int // endpoints with health checks
	CheckRatePerNamespace int // health checks a second, at one replica
}

// GuardConfig says what counts as too much of a withdrawal: more hosts than
// Minimum, and more than the share of those served at a moment, within the
// window.
type GuardConfig struct {
	Share   float64 // from 0 to 1
	Minimum int
	Window  time.Duration
	Hold    time.Duration // for which it is held; 0: there is no guard
}

// HostSharing says which namespaces may add paths to a host.
type HostSharing uint8

// The values of ingress.hostSharing.
const (
	ShareNamespace HostSharing = iota // the namespace that has it
	ShareAny                          // every namespace
)

// ServicePort names a port of a Service.
type ServicePort struct {
	Namespace string
	Name      string
	Port      string // its name or number
}

// ViewConfig is a DNS view and where it gets the addresses from that it
// announces for the gateway.
type ViewConfig struct {
	Name      string
	Service   Key          // the addresses in its status are announced …
	Addresses []netip.Addr // … unless they are given here
	Owners    bool         // publish which namespace has NAME, at _owner.NAME, and whom to ask

	Clients    gatelodge.Networks // that it is for; nil: for all
	Namespaces []string           // whose objects may be in it; empty: those of all

	DNSService   Key          // whose addresses the name servers have in it …
	DNSAddresses []netip.Addr // … unless they are given here; without both as everywhere
}

// Admits reports whether objects of the namespace may be in the view.
func (v *ViewConfig) Admits(namespace string) bool {
	return len(v.Namespaces) == 0 || slices.Contains(v.Namespaces, namespace)
}

// ZoneConfig is a zone that the gateway is authoritative for.
type ZoneConfig struct {
	Name        gatelodge.Name
	Nameservers []gatelodge.Name // absolute; those within the zone get addresses
	Hostmaster  string           // in the form of gatelodge.Zone
	TTL         time.Duration
	NegativeTTL time.Duration
	Views       []string
	Records     []gatelodge.Record // more of them, within the zone
	CAA         []string           // RDATA of CAA records at the apex (RFC 8659 §4.1.1)
	AutoCAA     bool               // in place of CAA: those that let our CAs issue, and no others
	Transfer    TransferConfig
	Grants      []string // namespaces that may have the apex, and names of Records, as hosts
	Levels      []string // what the labels below it stand for, from the zone down; see gatelodge.Levels
}

// Levels lists those of the zones that have some.
func (c *Config) Levels() []gatelodge.Levels {
	var all []gatelodge.Levels
	for i := range c.Zones {
		if zone := &c.Zones[i]; len(zone.Levels) > 0 {
			all = append(all, gatelodge.Levels{Zone: zone.Name, Names: zone.Levels})
		}
	}
	return all
}

// HasZoneIn reports whether a zone is published in the view.
func (c *Config) HasZoneIn(view string) bool {
	return slices.ContainsFunc(c.Zones, func(z ZoneConfig) bool { return slices.Contains(z.Views, view) })
}

// NameserversOf returns the addresses that name servers within our zones have in the
// view, or else the Service that has them.
func (c *Config) NameserversOf(view *ViewConfig) (addresses []netip.Addr, service Key) {
	if len(view.DNSAddresses) > 0 || view.DNSService.Name != "" {
		return view.DNSAddresses, view.DNSService
	}
	return c.DNSAddresses, c.DNSService
}

// NeedsNameserverAddresses reports whether in the view a name server lies in its own
// zone and has no address there by a static record.
func (c *Config) NeedsNameserverAddresses(view string) bool {
	for _, zone := range c.Zones {
		if !slices.Contains(zone.Views, view) {
			continue
		}
		for _, ns := range zone.Nameservers {
			static := slices.ContainsFunc(zone.Records, func(r gatelodge.Record) bool { return r.Name == ns && IsAddress(r) })
			if ns.Within(zone.Name) && !static {
				return true
			}
		}
	}
	return false
}

// Apexes is the set of our zones' names.
func (c *Config) Apexes() map[gatelodge.Name]bool {
	apexes := make(map[gatelodge.Name]bool, len(c.Zones))
	for i := range c.Zones {
		apexes[c.Zones[i].Name] = true
	}
	return apexes
}

// HasNamespace reports whether Ingresses of the namespace are looked at.
func (c *Config) HasNamespace(namespace string) bool {
	return len(c.Namespaces) == 0 || slices.Contains(c.Namespaces, namespace)
}

// HasZoneOf reports whether the name lies in a zone of ours.
func (c *Config) HasZoneOf(name gatelodge.Name) bool {
	return slices.ContainsFunc(c.Zones, func(zone ZoneConfig) bool { return name.Within(zone.Name) })
}

// ReadsClasses reports whether IngressClasses are looked at. They belong to no
// namespace, so a gateway that keeps to namespaces, and is told its classes by
// name, does without the right to read them.
func (c *Config) ReadsClasses() bool {
	return len(c.Namespaces) == 0 || len(c.Classes) == 0
}

// ConfigObject names a part of the configuration for a Problem or a Route.
func ConfigObject(key string) gatelodge.Object {
	return gatelodge.Object{Kind: "Config", Name: key}
}

// TooFew reports whether too many hosts are gone where left are left of before.
func (c *GuardConfig) TooFew(left, before int) bool {
	gone := before - left
	return gone > c.Minimum && float64(gone) > c.Share*float64(before)
}

// ChallengesByAddress are those that a CA sends to the addresses of a name, by
// the listeners that can answer them: those of views that the name is in.
func (c *Config) ChallengesByAddress(isIn func(view string) bool) []gatelodge.ChallengeType {
	var types []gatelodge.ChallengeType
	for _, try := range []struct {
		protocol  gatelodge.Protocol
		challenge gatelodge.ChallengeType
	}{{gatelodge.HTTPS, gatelodge.TLSALPN01}, {gatelodge.HTTP, gatelodge.HTTP01}} {
		if slices.ContainsFunc(c.Listeners, func(l gatelodge.Listener) bool {
			return l.Protocol == try.protocol && (len(l.Views) == 0 || slices.ContainsFunc(l.Views, isIn))
		}) {
			types = append(types, try.challenge)
		}
	}
	return types
}

// WatchedNamespaces are those of Ingresses, "" for all.
func (c *Config) WatchedNamespaces() []string {
	if len(c.Namespaces) == 0 {
		return []string{""}
	}
	return c.Namespaces
}

// AnnouncingServices are those whose addresses are published.
func (c *Config) AnnouncingServices() []Key {
	var services []Key
	add := func(addresses []netip.Addr, service Key) {
		if len(addresses) == 0 && service.Name != "" && !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	for i := range c.Views {
		add(c.Views[i].Addresses, c.Views[i].Service)
	}
	for i := range c.Views {
		if c.NeedsNameserverAddresses(c.Views[i].Name) {
			add(c.NameserversOf(&c.Views[i]))
		}
	}
	return services
}

// IsAddress reports whether the record is an address.
func IsAddress(r gatelodge.Record) bool { return r.Type == "A" || r.Type == "AAAA" }
