package publish

import (
	"fmt"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/syntax"
)

// ownerLabel is the first label of the name with the owner record.
const ownerLabel = "_owner."

// ownerName returns the name of the owner record of a name, and "" if that is too long.
func ownerName(name gatelodge.Name) gatelodge.Name {
	if len(ownerLabel)+len(name) > gatelodge.MaxNameLength {
		return ""
	}
	return ownerLabel + name
}

// responsible returns the records with the owner and the contact of a name: a TXT
// record at _owner.NAME, and an RP record (RFC 1183 §2.2) at NAME if there is a
// contact. Other contains the other records of the name; nothing can exist beside a
// CNAME (RFC 1034 §3.6.2).
func (b *zoneBuilder) responsible(name gatelodge.Name, granted *claims.Grant, other []gatelodge.Record) (records []gatelodge.Record) {
	add := func(typ, data string) {
		records = append(records, gatelodge.Record{Name: name, Type: typ, TTL: b.plan.zone.TTL, Data: data})
	}
	if base, is := strings.CutPrefix(string(name), ownerLabel); is {
		if of := b.granted(gatelodge.Name(base)); of != nil && of.IsPublished() {
			add("TXT", syntax.CharacterStrings(ownerText(of)))
		}
	}
	isAlias := slices.ContainsFunc(other, func(r gatelodge.Record) bool { return r.Type == "CNAME" })
	if granted == nil || granted.Contact == "" || !granted.IsPublished() || b.verdicts.Get(name).withholds() || isAlias {
		return records
	}
	if mailbox, ok := syntax.Mailbox(granted.Contact); ok {
		add("RP", fmt.Sprintf("%s. %s.", mailbox, ownerName(name)))
	}
	return records
}

func ownerText(of *claims.Grant) string {
	object := of.Owner.Object
	text := fmt.Sprintf("namespace=%s object=%s/%s since=%s", object.Namespace, object.Kind, object.Name, of.Owner.Since.UTC().Format(time.RFC3339))
	if of.Contact != "" {
		text += " contact=" + of.Contact
	}
	return text
}
