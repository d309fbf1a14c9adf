package objects

import (
	"strconv"
)

// GuardRecord is what the leader writes down for the Guards of all replicas,
// and those that will start: how much is served. In a cluster it is the
// ConfigMap NAME-guard.
type GuardRecord struct {
	Hosts    int    // that are served
	Hash     string // of their names and the objects that they are of
	Withheld string // the hash of what the leader withholds; "": nothing

	// Confirmed is the hash that somebody wrote into the annotation
	// gatelodge.dev/confirm. The leader does not write it.
	Confirmed string
}

// GuardItem is the record's name, after that of the instance.
const GuardItem = "guard"

// Confirms tells whether a list of this hash is confirmed: itself, or what the
// leader shows in its place, unless that was confirmed before the list came to
// be.
func (r *GuardRecord) Confirms(hash, stale string) bool {
	return r != nil && r.Confirmed != "" &&
		(r.Confirmed == hash || r.Confirmed == r.Withheld && r.Confirmed != stale)
}

// The parts of the record, as they are written.
const (
	HostsPart    = "hosts"
	hashPart     = "hash"
	withheldPart = "withheld"
)

func (r *GuardRecord) Parts() map[string]string {
	parts := map[string]string{HostsPart: strconv.Itoa(r.Hosts), hashPart: r.Hash}
	if r.Withheld != "" {
		parts[withheldPart] = r.Withheld
	}
	return parts
}

// ReadGuardRecord reads the parts. Who spoils the number has no protection at a
// start, and nothing else.
func ReadGuardRecord(parts map[string]string, confirmed string) *GuardRecord {
	hosts, err := strconv.Atoi(parts[HostsPart])
	if err != nil || hosts < 0 {
		hosts = 0
	}
	return &GuardRecord{Hosts: hosts, Hash: parts[hashPart], Withheld: parts[withheldPart], Confirmed: confirmed}
}
