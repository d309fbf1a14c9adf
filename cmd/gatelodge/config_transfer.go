package main

import (
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
)

// maxKeysBytes is the size limit of a file of transfer keys.
const maxKeysBytes = 1 << 20

// transfer returns the transfer settings of a zone.
func (r *configReader) transfer(key string, f fileTransfer) objects.TransferConfig {
	c := objects.TransferConfig{RequireTLS: f.RequireTLS}
	if f.TSIGSecret != "" {
		c.Secret = r.secretName(key+".tsigSecret", f.TSIGSecret)
	}
	c.Keys = r.transferKeys(key+".tsigFile", f.TSIGFile)
	if f.TSIGSecret == "" && f.TSIGFile == "" && !reflect.DeepEqual(f, fileTransfer{}) {
		r.fail(key, "tsigSecret and tsigFile are missing, write one of them: transfers need a key")
	}
	for i, s := range f.To {
		item := fmt.Sprintf("%s.to[%d]", key, i)
		if network, err := netip.ParsePrefix(s); err == nil {
			c.Networks = append(c.Networks, network.Masked())
			continue
		}
		to, err := netip.ParseAddrPort(s)
		if address, isAddress := parseAddress(s); isAddress {
			to, err = netip.AddrPortFrom(address, 53), nil
		}
		if err != nil || to.Port() == 0 || to.Addr().Zone() != "" {
			r.fail(item, "%q is not a valid secondary, write an address like 192.0.2.10, one with a port like 192.0.2.10:5353, or a network like 10.0.0.0/8", abridged(s))
			continue
		}
		c.Notify = append(c.Notify, to)
		c.Networks = append(c.Networks, netip.PrefixFrom(to.Addr().Unmap(), to.Addr().Unmap().BitLen()))
	}
	return c
}

// notifyServers adds the name servers whose addresses are static records of the zone to
// those that are notified: they are not the gateway itself, so they are secondaries too
// (RFC 1996 §2.1).
func notifyServers(zone *objects.ZoneConfig) {
	c := &zone.Transfer
	if !c.Allowed() {
		return
	}
	for _, record := range zone.Records {
		if !objects.IsAddress(record) || !slices.Contains(zone.Nameservers, record.Name) {
			continue
		}
		address, err := netip.ParseAddr(record.Data)
		if to := netip.AddrPortFrom(address, 53); err == nil && !slices.Contains(c.Notify, to) {
			c.Notify = append(c.Notify, to)
			if len(c.Networks) > 0 {
				c.Networks = append(c.Networks, netip.PrefixFrom(address, address.BitLen()))
			}
		}
	}
}

// secretName accepts the name of a Secret. The error does not quote the value,
// which may be the key itself.
func (r *configReader) secretName(key, s string) objects.Key {
	namespace, name, found := strings.Cut(s, "/")
	if !found || len(validation.IsDNS1123Label(namespace)) > 0 || !isSubdomain(name) {
		r.fail(key, "is not a valid object name, write the namespace/name of the Secret with the key")
	}
	return objects.Key{Namespace: namespace, Name: name}
}

// transferKeys reads a file of keys. Errors quote nothing of it.
func (r *configReader) transferKeys(key, file string) []*gatelodge.TransferKey {
	if file == "" {
		return nil
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		r.fail(key, "%v; write the name of a file of keys as tsig-keygen prints them", err)
		return nil
	case !info.Mode().IsRegular() || info.Size() > maxKeysBytes:
		r.fail(key, "%q is not a file of at most %d bytes, write the name of a file of keys as tsig-keygen prints them", abridged(file), maxKeysBytes)
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		r.fail(key, "%v; write the name of a file of keys as tsig-keygen prints them", err)
		return nil
	}
	keys, err := syntax.ParseTransferKeys(string(text))
	if err != nil {
		r.fail(key, "%q %v", abridged(file), err)
	}
	return keys
}

// catalog returns the zone that lists the others.
func (r *configReader) catalog(key string, f fileCatalog, views []fileView, zones []objects.ZoneConfig) objects.CatalogConfig {
	if f.Name == "" {
		var defaults fileConfig
		defaults.setDefaults()
		if !reflect.DeepEqual(f, defaults.DNS.Catalog) {
			r.fail(key, "name is missing, write one that is not a zone of yours, like catalog.invalid")
		}
		return objects.CatalogConfig{}
	}
	name, err := syntax.ParseName(f.Name)
	if err == nil && name.IsWildcard() {
		err = fmt.Errorf("%q is a wildcard", f.Name)
	}
	for _, zone := range zones {
		if err == nil && (name.Within(zone.Name) || zone.Name.Within(name)) {
			err = fmt.Errorf("%q is in zone %s, or that in it", f.Name, zone.Name)
		}
	}
	if err != nil {
		r.fail(key+".name", "%v; write one that is not a zone of yours, like catalog.invalid", err)
	}
	r.viewNames(key+".views", f.Views, views)
	c := objects.CatalogConfig{Name: name, Views: f.Views, Transfer: r.transfer(key+".transfer", f.Transfer)}
	if !c.Transfer.Allowed() {
		r.fail(key+".transfer", "is missing, write to whom the catalog is transferred")
	}
	return c
}
