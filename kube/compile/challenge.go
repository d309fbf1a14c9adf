package compile

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// challengeTTL is for how long resolvers may remember an answer to a challenge.
// The next one for the same name has another.
const challengeTTL = 5 * time.Second

// challengeName is where the answer to a DNS-01 challenge for a name is
// published (RFC 8555 §8.4). A wildcard has that of the name below it.
func challengeName(name gatelodge.Name) gatelodge.Name {
	if name.IsWildcard() {
		name = name.Parent()
	}
	return "_acme-challenge." + name
}

// addChallenges publishes the answers to DNS-01 challenges in the zone. Several
// at one name are several records: a wildcard and the name below it. Where the
// configuration has a record at the name, which may lead to who else proves it,
// that stays.
func (b *zoneBuilder) addChallenges(records map[gatelodge.Name][]gatelodge.Record) {
	for name, set := range records {
		if b.next.nodes[name] == nil {
			b.put(name, nodeOrigin{}, set)
		}
	}
}

// challengeRecords gives each answer to the zone that holds its name.
func challengeRecords(c *challenges, cfg *objects.Config) map[gatelodge.Name]map[gatelodge.Name][]gatelodge.Record {
	byZone := make(map[gatelodge.Name]map[gatelodge.Name][]gatelodge.Record)
	if len(c.list) == 0 {
		return byZone
	}
	apexes := cfg.Apexes()
	for _, challenge := range c.list {
		if challenge.Type != gatelodge.DNS01 {
			continue
		}
		name := challengeName(challenge.Name)
		zone, ok := zoneOf(name, apexes)
		if !ok || len(name) > gatelodge.MaxNameLength {
			continue
		}
		if byZone[zone] == nil {
			byZone[zone] = make(map[gatelodge.Name][]gatelodge.Record)
		}
		byZone[zone][name] = append(byZone[zone][name],
			gatelodge.Record{Name: name, Type: "TXT", TTL: challengeTTL, Data: intent.CharacterStrings(challenge.Response)})
	}
	return byZone
}
