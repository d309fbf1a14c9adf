package publish

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

const catalogTTL = time.Minute

// catalogOf returns the zone that lists the zones of a view that may be transferred
// (RFC 9432), and nil if the view has none. It is made of the configuration alone:
// nothing that an object asks for is in it. last is used again if it is the same.
func catalogOf(cfg *objects.Config, view string, last *gatelodge.Zone) *gatelodge.Zone {
	c := &cfg.Catalog
	if c.Name == "" || !slices.Contains(c.Views, view) {
		return nil
	}
	z := &gatelodge.Zone{Name: c.Name, Primary: "invalid", Hostmaster: "invalid", TTL: catalogTTL, NegativeTTL: catalogTTL, Private: true}
	z.Nodes = gatelodge.NodeMap(
		catalogNode(c.Name, "NS", "invalid."), // §4.1
		catalogNode("version."+c.Name, "TXT", `"2"`),
	)
	for i := range cfg.Zones {
		member := &cfg.Zones[i]
		if member.Transfer.Allowed() && slices.Contains(member.Views, view) {
			name := memberLabel(member.Name) + ".zones." + c.Name
			z.Nodes = z.Nodes.With(name, catalogNode(name, "PTR", string(member.Name)+"."))
		}
	}
	if last != nil && last.Name == z.Name && sameNodes(last, z) {
		return last
	}
	return z
}

// memberLabel returns the identifier of a zone, which stays the same for as long as the
// zone is a member (RFC 9432 §4.1).
func memberLabel(zone gatelodge.Name) gatelodge.Name {
	sum := sha256.Sum256([]byte(zone))
	return gatelodge.Name(strings.ToLower(base32.HexEncoding.EncodeToString(sum[:20])))
}

func catalogNode(name gatelodge.Name, rtype, data string) *gatelodge.Node {
	return &gatelodge.Node{Name: name, Records: []gatelodge.Record{{Name: name, Type: rtype, TTL: catalogTTL, Data: data}}}
}

func sameNodes(a, b *gatelodge.Zone) bool {
	for _, change := range a.Nodes.Changes(b.Nodes) {
		if change.Before == nil || change.After == nil || !slices.Equal(change.Before.Records, change.After.Records) {
			return false
		}
	}
	return true
}
