package cluster

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Watch is a Source that lists and watches an API server. While that can't be
// reached, or refuses something, the objects stay that were known, the fault is
// one of the Problems, and everything is tried again with a back-off of a few
// seconds at most.
//
// What is watched follows the configuration and the objects: a Secret that is
// not of type kubernetes.io/tls is watched by its name while one of our
// Ingresses names it.
type Watch struct {
	cluster *Cluster
	config  func() *objects.Config
	wake    gatelodge.Signal // something changed

	dnsEndpoints *presence // nil: nobody reads them

	mu       sync.Mutex
	feeds    map[feedKey]*feed
	active   []feedKey       // whose objects are handed out
	read     *objects.Config // what active was made for
	problems []gatelodge.Problem
	claims   claimsRecord

	stale atomic.Bool // something changed that decides what is watched

	reader *intent.Reader // shared with the Builder

	// Of the last reconcile; Run's alone.
	settled bool      // it found all that is to be watched
	fixed   []feedKey // those that no object asked for
	secrets *secretWants
}

// Watch returns the Source of the cluster's objects, for what config returns.
// Which Secrets it reads depends on what reader finds in the Ingresses.
func (c *Cluster) Watch(config func() *objects.Config, reader *intent.Reader) *Watch {
	w := &Watch{cluster: c, config: config, reader: reader, wake: gatelodge.NewSignal(), feeds: make(map[feedKey]*feed)}
	if c.Cfg.Custom != nil {
		w.dnsEndpoints = newPresence(objects.DNSEndpointResource)
	}
	c.Faults.onChange(w.wake.Raise)
	return w
}

// changed hears that the objects of a feed changed. Those that change most
// often do not decide what is watched.
func (w *Watch) changed(kind feedKind) {
	if kind != serviceFeed && kind != sliceFeed {
		w.stale.Store(true)
	}
	w.wake.Raise()
}

// Run watches until ctx ends. Objects is complete once everything was listed.
func (w *Watch) Run(ctx context.Context, dirty func()) error {
	ctx, stop := context.WithCancel(quietly(ctx, w.cluster.Cfg.Log))
	defer stop()
	if w.dnsEndpoints != nil {
		go w.dnsEndpoints.follow(ctx, discovery.ToDiscoveryInterfaceWithContext(w.cluster.Client.Discovery()), w.cluster.Faults, w.wake.Raise)
	}
	complete := false
	for {
		if w.reconcile(ctx) {
			complete = true
			dirty()
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil
		}
		if complete {
			dirty()
		}
	}
}

// reconcile starts what has to be watched and is not. Once all of that is
// there, it takes the place of what was watched before. It tells whether that
// happened.
func (w *Watch) reconcile(ctx context.Context) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	cfg := w.config()
	keys := append(feedsOf(cfg), w.cluster.storedFeedOf(cfg)...)
	keys = append(keys, w.cluster.guardFeedKey(), w.cluster.claimsFeedKey())
	known := true
	if w.dnsEndpoints != nil && len(cfg.Zones) > 0 {
		var present bool
		if present, known = w.dnsEndpoints.get(); present {
			keys = append(keys, dnsEndpointFeeds(cfg)...)
		}
	}
	if settled := w.start(ctx, keys); !settled || !known {
		w.settled = false
		return false
	}
	if stale := w.stale.Swap(false); !stale && w.settled && w.read == cfg && slices.Equal(w.fixed, keys) {
		return false
	}
	w.fixed = slices.Clone(keys)
	objs := w.collect(keys)
	parameters := parametersFeeds(objs.Classes, cfg)
	keys = append(keys, parameters...)
	if w.settled = w.start(ctx, keys); !w.settled {
		return false
	}
	w.addTo(&objs, parameters)
	var claimants []*intent.Claimant
	for _, claimant := range w.reader.Read(&objs, cfg, nil).Claimants.All() {
		claimants = append(claimants, claimant)
	}
	w.secrets = wantSecrets(claimants, w.tlsSecrets(keys), w.secrets)
	named, problems := w.secrets.feeds(cfg)
	keys = append(keys, named...)
	if w.settled = w.start(ctx, keys); !w.settled {
		return false
	}
	w.read = cfg
	if w.active != nil && slices.Equal(keys, w.active) && slices.Equal(problems, w.problems) {
		return false
	}
	w.active, w.problems = keys, problems
	wanted := make(map[feedKey]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	for key, f := range w.feeds {
		if !wanted[key] {
			f.stop()
			delete(w.feeds, key)
			w.cluster.Faults.end("watch " + key.String())
		}
	}
	return true
}

// start starts the feeds that do not run yet, and tells whether all are there.
func (w *Watch) start(ctx context.Context, keys []feedKey) (settled bool) {
	settled = true
	for _, key := range keys {
		f := w.feeds[key]
		if f == nil {
			f = startFeed(ctx, w.cluster, key, func() { w.changed(key.kind) }, w.missing)
			w.feeds[key] = f
		}
		settled = f.isSettled() && settled
	}
	return settled
}

// tlsSecrets returns the lists of the Secrets of type kubernetes.io/tls.
func (w *Watch) tlsSecrets(keys []feedKey) (lists [][]metav1.Object) {
	for _, key := range keys {
		if key.kind == tlsSecretFeed {
			list, _ := w.feeds[key].list()
			lists = append(lists, list)
		}
	}
	return lists
}

// missing hears that a resource was not found. Only one may be that.
func (w *Watch) missing() {
	if w.dnsEndpoints != nil {
		w.dnsEndpoints.doubt.Raise()
	}
}

// Objects returns what the API server said last; its time is now.
func (w *Watch) Objects() objects.Objects {
	w.mu.Lock()
	defer w.mu.Unlock()
	cfg := w.config()
	if w.read != cfg {
		w.wake.Raise() // another configuration may need other objects
	}
	objs := w.collect(w.active)
	objs.Problems = append(w.cluster.Faults.problems(), w.problems...)
	return objs
}

func (w *Watch) collect(keys []feedKey) objects.Objects {
	objs := objects.Objects{Now: time.Now()}
	w.addTo(&objs, keys)
	return objs
}

// addTo adds the objects of some feeds.
func (w *Watch) addTo(objs *objects.Objects, keys []feedKey) {
	for _, key := range keys {
		list, relist := w.feeds[key].list()
		if relist != nil {
			objs.Relists = append(objs.Relists, relist)
		}
		switch key.kind {
		case ingressFeed:
			objs.Ingresses = withTyped(objs.Ingresses, list)
		case classFeed:
			objs.Classes = withTyped(objs.Classes, list)
		case serviceFeed:
			objs.Services = withTyped(objs.Services, list)
		case sliceFeed:
			objs.Slices = withTyped(objs.Slices, list)
		case namespaceFeed:
			objs.Namespaces = withTyped(objs.Namespaces, list)
		case storedFeed:
			objs.Stored = w.cluster.appendServed(objs.Stored, list)
		case dnsEndpointFeed:
			objs.DNSEndpoints = withTyped(objs.DNSEndpoints, list)
		case configMapFeed:
			switch key {
			case w.cluster.guardFeedKey():
				for _, object := range withTyped(objects.Table[*corev1.ConfigMap]{}, list).All() { // one at most
					objs.Guard = w.cluster.recordOf(object)
				}
			case w.cluster.claimsFeedKey():
				objs.Claims = w.readClaims(list)
			default:
				objs.ConfigMaps = withTyped(objs.ConfigMaps, list)
			}
		default:
			objs.Secrets = withTyped(objs.Secrets, list)
		}
	}
}

// appendServed appends the items of the Store that all replicas serve.
func (c *Cluster) appendServed(to objects.Table[*corev1.Secret], list []metav1.Object) objects.Table[*corev1.Secret] {
	for _, object := range list {
		secret, ok := object.(*corev1.Secret)
		if item, own := strings.CutPrefix(object.GetName(), c.Cfg.Name+"-"); ok && own && gatelodge.IsServedItem(item) {
			to = to.With(objects.KeyOf(secret), secret)
		}
	}
	return to
}

func withTyped[T objects.Object](to objects.Table[T], list []metav1.Object) objects.Table[T] {
	edit := to.Edit()
	for _, object := range list {
		if typed, ok := object.(T); ok { // a feed holds one kind only
			edit.Set(objects.KeyOf(typed), typed)
		}
	}
	return edit.Map()
}

// Waiting says what is missing until Objects is complete for the first time,
// and why, or "" when nothing is.
func (w *Watch) Waiting() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active != nil {
		return ""
	}
	var missing []string
	cfg := w.config()
	for _, key := range append(feedsOf(cfg), w.cluster.storedFeedOf(cfg)...) {
		if f := w.feeds[key]; f == nil || !f.isSettled() {
			missing = append(missing, key.String())
		}
	}
	if w.dnsEndpoints != nil && len(cfg.Zones) > 0 {
		if _, known := w.dnsEndpoints.get(); !known {
			missing = append(missing, "word whether there are dnsendpoints")
		}
	}
	text := "waiting for " + strings.Join(missing, ", ")
	if why := w.cluster.Faults.String(); why != "" {
		text += ": " + why
	}
	return text
}
