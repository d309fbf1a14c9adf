package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
)

// Settings are the servers to ask, and how often.
type Settings struct {
	Resolvers []string      // address:port; empty: nothing is asked
	Parents   []string      // address:port of the servers of the parent zone; empty: those that the resolvers find
	Interval  time.Duration // approximate time from one round to the next
}

// Config are the dependencies of a Doctor.
type Config struct {
	Log      *slog.Logger
	Settings func() Settings            // current settings
	Snapshot func() *gatelodge.Snapshot // the live one; nil: there is none yet
	Answer   func(view string, name gatelodge.Name, rtype string) gatelodge.Answer
	Changed  func() // called when the results change
}

// Doctor checks the delegations of the zones, and keeps the results.
type Doctor struct {
	Config
	found atomic.Pointer[map[gatelodge.Name]*gatelodge.Delegation]
	newcomers
	port string // of name servers
}

// New returns a Doctor without results.
func New(c Config) *Doctor {
	return &Doctor{Config: c, port: "53", newcomers: newcomers{waiting: make(map[gatelodge.Name]bool)}}
}

// Found returns the result for a zone; nil: it was not checked.
func (d *Doctor) Found(zone gatelodge.Name) *gatelodge.Delegation {
	if found := d.found.Load(); found != nil && len(d.Settings().Resolvers) > 0 {
		return (*found)[zone]
	}
	return nil
}

// All returns the results for all zones, by name.
func (d *Doctor) All() (all []*gatelodge.Delegation) {
	found := d.found.Load()
	if found == nil || len(d.Settings().Resolvers) == 0 {
		return nil
	}
	for _, f := range *found {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *gatelodge.Delegation) int { return a.Zone.Compare(b.Zone) })
	return all
}

// Limits of a round.
const (
	maxZones  = 200
	firstWait = 5 * time.Second // before the first round, at most
	roundTime = 10 * time.Minute
)

// Run checks in rounds until ctx ends. It shares the results with the other replicas
// through store; nil: there are none.
func (d *Doctor) Run(ctx context.Context, store gatelodge.Store) {
	wait, due := rand.N(firstWait), time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = newcomersEvery/2 + rand.N(newcomersEvery)
		settings := d.Settings()
		if len(settings.Resolvers) == 0 || d.Snapshot() == nil {
			continue
		}
		changed := false
		if now := time.Now(); now.Before(due) {
			changed = d.lookAgain(ctx)
		} else {
			d.Round(ctx)
			changed, due = true, now.Add(settings.Interval/2+rand.N(settings.Interval))
		}
		if store == nil || !changed || ctx.Err() != nil {
			continue
		}
		if err := d.store(ctx, store); err != nil && ctx.Err() == nil {
			d.Log.Warn("can't store the results of delegation checks for the other replicas", "error", err)
		}
	}
}

// Round checks every zone once.
func (d *Doctor) Round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	snapshot := d.Snapshot()
	found := make(map[gatelodge.Name]*gatelodge.Delegation)
	for _, zone := range zonesOf(snapshot) {
		if len(found) == maxZones || ctx.Err() != nil {
			break
		}
		c := &check{zone: zone, client: d.client()}
		found[zone.Name] = c.run(ctx)
	}
	d.askResolvers(ctx, snapshot, found)
	if ctx.Err() == nil {
		d.set(found)
	}
}

func (d *Doctor) client() client { return client{d.Settings(), d.port} }

// zonesOf returns the zones that are served, each once.
func zonesOf(s *gatelodge.Snapshot) (zones []*gatelodge.Zone) {
	for _, v := range s.Views {
		for _, z := range v.Zones {
			if !z.Private && !slices.ContainsFunc(zones, func(have *gatelodge.Zone) bool { return have.Name == z.Name }) {
				zones = append(zones, z)
			}
		}
	}
	return zones
}

func (d *Doctor) set(found map[gatelodge.Name]*gatelodge.Delegation) {
	d.found.Store(&found)
	d.Changed()
}

// item is the name of the leader's results in the store.
const item = "delegations"

func (d *Doctor) store(ctx context.Context, store gatelodge.Store) error {
	text, err := json.Marshal(d.All())
	if err != nil {
		return err
	}
	stored, err := store.Get(ctx, item)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return err
	}
	_, err = store.Put(ctx, item, gatelodge.Item{Data: map[string][]byte{"json": text}, Version: stored.Version})
	return err
}

// Follow reads the leader's results until ctx ends.
func (d *Doctor) Follow(ctx context.Context, store gatelodge.Store) error {
	return store.Watch(ctx, item, func(name string) {
		if name != item {
			return
		}
		stored, err := store.Get(ctx, item)
		if err != nil {
			return // it was deleted, or is read at the next change
		}
		var all []*gatelodge.Delegation
		if err := json.Unmarshal(stored.Data["json"], &all); err != nil {
			d.Log.Warn("can't read the stored results of delegation checks", "error", err)
			return
		}
		found := make(map[gatelodge.Name]*gatelodge.Delegation)
		for _, f := range all {
			if f != nil {
				found[f.Zone] = f
			}
		}
		d.set(found)
	})
}
