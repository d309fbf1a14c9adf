package publish

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// issuances is the certificates that are asked for.
type issuances = gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance]

// persistent returns what the records of dns-persist-01 say (draft-ietf-acme-dns-persist),
// for each account that is to be proved by them.
func (a *Accounts) persistent(cfg *objects.Config) (texts []string) {
	for _, account := range a.List {
		if cfg.ACME.Persists(account.Directory) && account.Persistent != "" {
			texts = append(texts, account.Persistent)
		}
	}
	return texts
}

// persistentRecords returns the records of dns-persist-01 at a name: those for the
// name after its label, and for the wildcard below that. They are there for as long as
// a certificate is asked for, so they go with the host.
func (v *Views) persistentRecords(name gatelodge.Name) (records []gatelodge.Record) {
	base, ok := strings.CutPrefix(string(name), gatelodge.PersistentLabel+".")
	if !ok || len(v.persistent) == 0 {
		return nil
	}
	for _, proved := range []gatelodge.Name{gatelodge.Name(base), gatelodge.Name("*." + base)} {
		keys := gatelodge.KeysOf(proved)
		if !slices.ContainsFunc(keys[:], func(key gatelodge.IssuanceKey) bool { return isByDNS(v.issuances.Get(key)) }) {
			continue
		}
		for _, text := range v.persistent {
			records = append(records, gatelodge.PersistentRecord(text, proved))
		}
	}
	return records
}

// isByDNS reports whether a certificate is asked for that our DNS proves the name of.
func isByDNS(i *gatelodge.Issuance) bool {
	return i != nil && len(i.Askers) > 0 && slices.Contains(i.Challenges, gatelodge.DNS01)
}

// addPersistent adds the names of the records of dns-persist-01 that change.
func (c *zoneChanges) addPersistent() {
	if len(c.persistent) == 0 && len(c.last.persistent) == 0 {
		return
	}
	before := c.last.issuances
	if !slices.Equal(c.persistent, c.last.persistent) {
		before = issuances{}
		for key := range c.last.issuances.All() {
			c.addPersistentOf(key.Name)
		}
	}
	for key, change := range c.issuances.Changes(before) {
		if isByDNS(change.Before) != isByDNS(change.After) {
			c.addPersistentOf(key.Name)
		}
	}
}

func (c *zoneChanges) addPersistentOf(name gatelodge.Name) {
	if at := gatelodge.PersistentRecord("", name).Name; len(at) <= gatelodge.MaxNameLength {
		c.names[at] = true
	}
}
