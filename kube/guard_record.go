package kube

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	gatelodge "gatelodge.dev"
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

// guardItem is the record's name, after that of the instance.
const guardItem = "guard"

// confirms tells whether a list of this hash is confirmed: itself, or what the
// leader shows in its place, unless that was confirmed before the list came to
// be.
func (r *GuardRecord) confirms(hash, stale string) bool {
	return r != nil && r.Confirmed != "" &&
		(r.Confirmed == hash || r.Confirmed == r.Withheld && r.Confirmed != stale)
}

// hashOfStart is what confirms a start with far less than the record has.
func hashOfStart(r *GuardRecord) string { return hashOfLines([]string{"start", r.Hash}) }

// The parts of the record, as they are written.
const (
	hostsPart    = "hosts"
	hashPart     = "hash"
	withheldPart = "withheld"
)

func (r *GuardRecord) parts() map[string]string {
	parts := map[string]string{hostsPart: strconv.Itoa(r.Hosts), hashPart: r.Hash}
	if r.Withheld != "" {
		parts[withheldPart] = r.Withheld
	}
	return parts
}

// readGuardRecord reads the parts. Who spoils the number has no protection at a
// start, and nothing else.
func readGuardRecord(parts map[string]string, confirmed string) *GuardRecord {
	hosts, err := strconv.Atoi(parts[hostsPart])
	if err != nil || hosts < 0 {
		hosts = 0
	}
	return &GuardRecord{Hosts: hosts, Hash: parts[hashPart], Withheld: parts[withheldPart], Confirmed: confirmed}
}

// record is what there is to write down now; ok is false before anything is
// served.
func (g *Guard) record() (r GuardRecord, ok bool) {
	g.mu.Lock()
	served, status := g.served, g.status
	g.mu.Unlock()
	if served == nil {
		return GuardRecord{}, false
	}
	var lines []string
	for _, host := range served.Hosts {
		line := string(host.Name)
		for _, route := range host.Routes {
			line += " " + route.Object.UID
		}
		lines = append(lines, line)
	}
	r = GuardRecord{Hosts: len(served.Hosts), Hash: hashOfLines(lines)}
	if status.Holding {
		r.Withheld = status.Hash
	}
	return r, true
}

// note takes note of what is about to be served.
func (g *Guard) note(snapshot *gatelodge.Snapshot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.served = snapshot
	if g.news != nil {
		signal(g.news)
	}
}

// recordEvery is how often the record is made and written at most, unless
// somebody waits for it.
const recordEvery = 5 * time.Second

// Keep writes the record down whenever it changes, until ctx ends. It is the
// leader's. A failed attempt is repeated; put tells of it.
func (g *Guard) Keep(ctx context.Context, put func(ctx context.Context, r GuardRecord) error) {
	news := make(chan struct{}, 1)
	signal(news)
	g.mu.Lock()
	g.news = news
	g.mu.Unlock()
	var written *GuardRecord
	var wait <-chan time.Time // set: nothing is looked at until then, but for a list that is withheld
	pending := false          // there is something to look at
	for {
		select {
		case <-news:
			pending = true
		case <-wait:
			wait = nil
		case <-ctx.Done():
			return
		}
		if !pending || wait != nil && written != nil && written.Withheld == g.withheldHash() {
			continue
		}
		r, ok := g.record() // goes through all hosts
		if !ok {
			continue
		}
		wait = time.After(recordEvery)
		pending = false
		if written != nil && r == *written {
			continue
		}
		if err := put(ctx, r); err != nil {
			pending = true
			continue
		}
		written = &r
	}
}

func (g *Guard) withheldHash() string {
	status := g.Status()
	if !status.Holding {
		return ""
	}
	return status.Hash
}

// PutGuardRecord writes the record into a store: that of a gateway without a
// cluster.
func PutGuardRecord(ctx context.Context, store gatelodge.Store, r GuardRecord) error {
	item, err := store.Get(ctx, guardItem)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return fmt.Errorf("writing down what is served: %w", err)
	}
	item.Data = make(map[string][]byte)
	for name, part := range r.parts() {
		item.Data[name] = []byte(part)
	}
	if _, err := store.Put(ctx, guardItem, item); err != nil {
		return fmt.Errorf("writing down what is served: %w", err)
	}
	return nil
}

// StoredGuardRecord reads what PutGuardRecord wrote; nil when it never did.
func StoredGuardRecord(ctx context.Context, store gatelodge.Store) (*GuardRecord, error) {
	item, err := store.Get(ctx, guardItem)
	if errors.Is(err, gatelodge.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("reading what was served: %w", err)
	}
	parts := make(map[string]string, len(item.Data))
	for name, part := range item.Data {
		parts[name] = string(part)
	}
	return readGuardRecord(parts, ""), nil
}
