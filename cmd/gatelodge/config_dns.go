package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve"
	"gatelodge.dev/dnsserve/doctor"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

func (r *configReader) views(written []fileView) []objects.ViewConfig {
	var views []objects.ViewConfig
	names := make(unique)
	for i, v := range written {
		key := fmt.Sprintf("views[%d]", i)
		r.once(names, key+".name", r.label(key+".name", v.Name))
		views = append(views, objects.ViewConfig{
			Name:         v.Name,
			Service:      r.namespaced(key+".service", v.Service),
			Addresses:    r.addresses(key+".addresses", v.Addresses),
			Owners:       v.Owners,
			Namespaces:   r.each(key+".namespaces", v.Namespaces, r.label),
			DNSAddresses: r.addresses(key+".dnsAddresses", v.DNSAddresses),
		})
		if v.DNSService != "" {
			views[i].DNSService = r.namespaced(key+".dnsService", v.DNSService)
		}
		if networks := r.networks(key+".clients", v.Clients); len(networks) > 0 {
			views[i].Clients = gatelodge.NetworksOf(networks...)
		}
	}
	return views
}

// viewName accepts the name of one of the views.
func (r *configReader) viewName(key, name string, views []fileView) string {
	if !slices.ContainsFunc(views, func(v fileView) bool { return v.Name == name }) {
		var names []string
		for _, v := range views {
			names = append(names, v.Name)
		}
		r.fail(key, "there is no view %q, write one of: %s", abridged(name), strings.Join(names, ", "))
	}
	return name
}

// viewNames accepts names of views, each once.
func (r *configReader) viewNames(key string, names []string, views []fileView) {
	seen := make(unique)
	for i, view := range names {
		item := fmt.Sprintf("%s[%d]", key, i)
		r.once(seen, item, r.viewName(item, view, views))
	}
}

func (r *configReader) zones(written []fileZone, views []fileView) []objects.ZoneConfig {
	var zones []objects.ZoneConfig
	names := make(unique)
	for i, z := range written {
		key := fmt.Sprintf("dns.zones[%d]", i)
		name, err := syntax.ParseName(z.Name)
		if err == nil && name.IsWildcard() {
			err = fmt.Errorf("%q is a wildcard", z.Name)
		}
		if err != nil {
			r.fail(key+".name", "%v; write a zone like pke.example.com", err)
			continue // everything else in the zone is relative to its name
		}
		for _, view := range slices.Compact(slices.Sorted(slices.Values(z.Views))) { // each view may have its own zone
			r.once(names, key+".name", string(name)+" in view "+view)
		}
		zones = append(zones, r.zone(key, name, z, views))
	}
	return zones
}

func (r *configReader) zone(key string, name gatelodge.Name, z fileZone, views []fileView) objects.ZoneConfig {
	zone := objects.ZoneConfig{
		Name:        name,
		Nameservers: r.nameservers(key+".nameservers", z.Nameservers, name),
		Hostmaster:  r.hostmaster(key+".hostmaster", z.Hostmaster, name),
		TTL:         r.ttl(key+".ttl", z.TTL),
		NegativeTTL: r.ttl(key+".negativeTTL", z.NegativeTTL),
		Views:       z.Views,
		Transfer:    r.transfer(key+".transfer", z.Transfer),
		Grants:      r.each(key+".grants", z.Grants, r.label),
		Levels:      r.levels(key+".levels", z.Levels),
	}
	r.viewNames(key+".views", z.Views, views)
	zone.Records = r.records(key+".records", z.Records, name, zone.TTL)
	notifyServers(&zone)
	if zone.AutoCAA = slices.Equal(z.CAA, fileCAA{autoCAA}); zone.AutoCAA {
		return zone
	}
	for i, caa := range z.CAA {
		zone.CAA = append(zone.CAA, r.caa(fmt.Sprintf("%s.caa[%d]", key, i), caa, name))
	}
	return zone
}

// levels accepts the names of levels, each once.
func (r *configReader) levels(key string, written []string) []string {
	seen := make(unique)
	if len(written) > maxLevels {
		r.fail(key, "a zone has %d levels at most, write the names of the labels right below the zone only", maxLevels)
		return nil
	}
	for i, level := range written {
		item := fmt.Sprintf("%s[%d]", key, i)
		r.once(seen, item, r.label(item, level))
	}
	return written
}

const maxLevels = 10

// nameservers returns absolute names. As in a zone file, a name without a
// trailing dot is relative to the zone; one that ends in the zone's name without
// the dot is taken for a mistake.
func (r *configReader) nameservers(key string, written []string, zone gatelodge.Name) []gatelodge.Name {
	if len(written) == 0 {
		r.fail(key, "a zone needs a name server, write one like ns1")
	}
	var names []gatelodge.Name
	seen := make(unique)
	for i, s := range written {
		item := fmt.Sprintf("%s[%d]", key, i)
		name, err := syntax.ParseName(s)
		switch {
		case err == nil && name.IsWildcard():
			err = fmt.Errorf("%q is a wildcard", s)
		case err == nil && !strings.HasSuffix(s, ".") && name.Within(zone):
			err = fmt.Errorf("%q is relative to the zone but repeats the zone's name, end it with a dot", s)
		case err == nil && !strings.HasSuffix(s, "."):
			name, err = gatelodge.ParseName(s + "." + string(zone))
		}
		if err != nil {
			r.fail(item, "%v; write a name in the zone like ns1, or an absolute one like ns1.example.net.", err)
			continue
		}
		r.once(seen, item, string(name))
		names = append(names, name)
	}
	return names
}

// hostmaster returns an email address in the form of an SOA record's RNAME.
func (r *configReader) hostmaster(key, address string, zone gatelodge.Name) string {
	if address == "" {
		return "hostmaster." + string(zone)
	}
	mailbox, ok := syntax.Mailbox(address)
	if !ok {
		r.fail(key, "%q is not a valid email address, write one like hostmaster@example.com", abridged(address))
	}
	return mailbox
}

// records parses the static records of a zone. It adds blank lines above them so
// that errors give the line in the file.
func (r *configReader) records(key, text string, zone gatelodge.Name, ttl time.Duration) []gatelodge.Record {
	if text == "" {
		return nil
	}
	value := r.written[key].value
	above := value.Line - 1
	if value.Style&yaml.LiteralStyle != 0 {
		above++ // the text starts on the line after the "|"
	}
	records, err := dnsserve.ParseRecords(strings.Repeat("\n", above)+text, zone, ttl)
	if err != nil {
		r.failAt(key, `%s; write lines like "www IN A 192.0.2.1"`, err)
	}
	return records
}

// autoCAA is the value for the records that let the CAs of acme issue.
const autoCAA = "auto"

// caa returns the canonical RDATA of a CAA record (RFC 8659 §4.1.1).
func (r *configReader) caa(key, s string, zone gatelodge.Name) string {
	records, err := dnsserve.ParseRecords("@ IN CAA "+s, zone, time.Minute)
	if err != nil || len(records) != 1 || records[0].Type != "CAA" {
		r.fail(key, `%q is not a valid CAA record, write one like 0 issue "letsencrypt.org", or auto alone`, abridged(s))
		return ""
	}
	return records[0].Data
}

// doctor reads the settings of delegation checks.
func (r *configReader) doctor(key string, f fileDoctor) doctor.Settings {
	texts := func(servers []netip.AddrPort) (list []string) {
		for _, server := range servers {
			list = append(list, server.String())
		}
		return list
	}
	return doctor.Settings{
		Resolvers: texts(r.dnsServers(key+".resolvers", "a resolver", f.Resolvers)),
		Parents:   texts(r.dnsServers(key+".parents", "a DNS server", f.Parents)),
		Interval:  r.duration(key+".interval", f.Interval, time.Minute),
	}
}
