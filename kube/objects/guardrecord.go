package objects

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	gatelodge "gatelodge.dev"
)

// GuardRecord is the leader's record for the Guards of all replicas and of later
// starts: how much is served. In a cluster it is the ConfigMap NAME-guard.
type GuardRecord struct {
	Hosts    int    // served hosts
	Hash     string // of their names and objects
	Withheld string // the hash of what the leader withholds; "": nothing

	// Confirmed is the hash in the annotation gatelodge.dev/confirm, which an operator
	// writes, and not the leader.
	Confirmed string
}

// GuardItem is the record's name, after that of the instance.
const GuardItem = "guard"

// Confirms reports whether a list with this hash is confirmed: by its own hash, or by
// the one that the leader shows instead, unless that was confirmed before the list
// existed.
func (r *GuardRecord) Confirms(hash, stale string) bool {
	return r != nil && r.Confirmed != "" &&
		(r.Confirmed == hash || r.Confirmed == r.Withheld && r.Confirmed != stale)
}

// The parts of the record, as they are written.
const (
	hostsPart    = "hosts"
	hashPart     = "hash"
	withheldPart = "withheld"
)

// ReadGuardRecord reads the parts. An invalid number of hosts only leaves a start
// without protection.
func ReadGuardRecord(parts map[string]string, confirmed string) *GuardRecord {
	hosts, err := strconv.Atoi(parts[hostsPart])
	if err != nil || hosts < 0 {
		hosts = 0
	}
	return &GuardRecord{Hosts: hosts, Hash: parts[hashPart], Withheld: parts[withheldPart], Confirmed: confirmed}
}

// PutGuardRecord writes the record into a store.
func PutGuardRecord(ctx context.Context, store gatelodge.Store, r GuardRecord) error {
	parts := map[string][]byte{hostsPart: []byte(strconv.Itoa(r.Hosts)), hashPart: []byte(r.Hash)}
	if r.Withheld != "" {
		parts[withheldPart] = []byte(r.Withheld)
	}
	if err := putItem(ctx, store, GuardItem, parts); err != nil {
		return fmt.Errorf("writing down what is served: %w", err)
	}
	return nil
}

// StoredGuardRecord reads what PutGuardRecord wrote; nil if there is no record.
func StoredGuardRecord(ctx context.Context, store gatelodge.Store) (*GuardRecord, error) {
	item, err := store.Get(ctx, GuardItem)
	if errors.Is(err, gatelodge.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading what was served: %w", err)
	}
	parts := make(map[string]string, len(item.Data))
	for name, part := range item.Data {
		parts[name] = string(part)
	}
	return ReadGuardRecord(parts, ""), nil
}
