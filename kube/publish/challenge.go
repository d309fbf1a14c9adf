package publish

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// challengeTTL is the TTL of challenge responses; it is short because the next
// challenge for the same name has another response.
const challengeTTL = 5 * time.Second

// ChallengeName returns the name at which the response to a DNS-01 challenge for a name
// is published (RFC 8555 §8.4). That of a wildcard is that of the name below it.
func ChallengeName(name gatelodge.Name) gatelodge.Name {
	if name.IsWildcard() {
		name = name.Parent()
	}
	return "_acme-challenge." + name
}

// proofRecords returns the responses to DNS-01 challenges, by the names at which they
// are published. Several at one name are several records: a wildcard and the name below
// it.
func proofRecords(c *Challenges) map[gatelodge.Name][]gatelodge.Record {
	proofs := make(map[gatelodge.Name][]gatelodge.Record)
	for _, challenge := range c.List {
		name := ChallengeName(challenge.Name)
		if challenge.Type == gatelodge.DNS01 && len(name) <= gatelodge.MaxNameLength {
			proofs[name] = append(proofs[name],
				gatelodge.Record{Name: name, Type: "TXT", TTL: challengeTTL, Data: syntax.CharacterStrings(challenge.Response)})
		}
	}
	return proofs
}

// Challenges contains the responses that CAs wait for.
type Challenges struct {
	List    []gatelodge.Challenge
	Version string
}
