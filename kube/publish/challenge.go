package publish

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// challengeTTL is how long resolvers may remember the answer to a challenge: the
// next challenge for the same name has another one.
const challengeTTL = 5 * time.Second

// ChallengeName is where the answer to a DNS-01 challenge for a name is
// published (RFC 8555 §8.4). A wildcard has that of the name below it.
func ChallengeName(name gatelodge.Name) gatelodge.Name {
	if name.IsWildcard() {
		name = name.Parent()
	}
	return "_acme-challenge." + name
}

// proofRecords returns the answers to DNS-01 challenges, by the names that they
// are published at. Several at one name are several records: a wildcard and the
// name below it.
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

// Challenges is the responses that CAs wait for.
type Challenges struct {
	List    []gatelodge.Challenge
	Version string
}
