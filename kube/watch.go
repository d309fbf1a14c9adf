package kube

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	gatelodge "gatelodge.dev"
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
	config  func() *Config
	wake    chan struct{} // something changed

	dnsEndpoints *presence // nil: nobody reads them

	mu       sync.Mutex
	feeds    map[feedKey]*feed
	active   []feedKey // whose objects are handed out
	read     *Config   // what active was made for
	problems []gatelodge.Problem

	stale atomic.Bool // something changed that decides what is watched

	reader *Reader // shared with the Builder

	// Of the last reconcile; Run's alone.
	settled bool      // it found all that is to be watched
	fixed   []feedKey // those that no object asked for
	secrets *secretWants
}

// Watch returns the Source of the cluster's objects, for what config returns.
// Which Secrets it reads depends on what reader finds in the Ingresses.
func (c *Cluster) Watch(config func() *Config, reader *Reader) *Watch {
	w := &Watch{cluster: c, config: config, reader: reader, wake: make(chan struct{}, 1), feeds: make(map[feedKey]*feed)}
	if c.cfg.Custom != nil {
		w.dnsEndpoints = newPresence(dnsEndpoints)
	}
	c.faults.onChange(w.poke)
	return w
}

// changed hears that the objects of a feed changed. Those that change most
// often do not decide what is watched.
func (w *Watch) changed(kind feedKind) {
	if kind != serviceFeed && kind != sliceFeed {
		w.stale.Store(true)
	}
	w.poke()
}

func (w *Watch) poke() {
	select {
	case w.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Run watches until ctx ends. Objects is complete once everything was listed.
func (w *Watch) Run(ctx context.Context, dirty func()) error {
	ctx, stop := context.WithCancel(quietly(ctx, w.cluster.cfg.Log))
	defer stop()
	if w.dnsEndpoints != nil {
		go w.dnsEndpoints.follow(ctx, discovery.ToDiscoveryInterfaceWithContext(w.cluster.client.Discovery()), w.cluster.faults, w.poke)
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
	keys = append(keys, w.cluster.guardFeedKey())
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
	objects := w.collect(keys)
	parameters := parametersFeeds(objects.Classes, cfg)
	keys = append(keys, parameters...)
	if w.settled = w.start(ctx, keys); !w.settled {
		return false
	}
	w.addTo(&objects, parameters)
	w.secrets = wantSecrets(w.reader.Read(&objects, cfg, nil).ours, w.tlsSecrets(keys), w.secrets)
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
			w.cluster.faults.end("watch " + key.String())
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
		w.dnsEndpoints.question()
	}
}

// Objects returns what the API server said last; its time is now.
func (w *Watch) Objects() Objects {
	w.mu.Lock()
	defer w.mu.Unlock()
	cfg := w.config()
	if w.read != cfg {
		w.poke() // another configuration may need other objects
	}
	objects := w.collect(w.active)
	objects.Problems = append(w.cluster.faults.problems(), w.problems...)
	return objects
}

func (w *Watch) collect(keys []feedKey) Objects {
	objects := Objects{Now: time.Now()}
	w.addTo(&objects, keys)
	return objects
}

// addTo adds the objects of some feeds.
func (w *Watch) addTo(objects *Objects, keys []feedKey) {
	for _, key := range keys {
		list, relist := w.feeds[key].list()
		if relist != nil {
			objects.Relists = append(objects.Relists, relist)
		}
		switch key.kind {
		case ingressFeed:
			objects.Ingresses = appendTyped[*networkingv1.Ingress](objects.Ingresses, list)
		case classFeed:
			objects.Classes = appendTyped[*networkingv1.IngressClass](objects.Classes, list)
		case serviceFeed:
			objects.Services = appendTyped[*corev1.Service](objects.Services, list)
		case sliceFeed:
			objects.Slices = appendTyped[*discoveryv1.EndpointSlice](objects.Slices, list)
		case namespaceFeed:
			objects.Namespaces = appendTyped[*corev1.Namespace](objects.Namespaces, list)
		case storedFeed:
			objects.Stored = w.cluster.appendServed(objects.Stored, list)
		case dnsEndpointFeed:
			objects.DNSEndpoints = appendTyped[*DNSEndpoint](objects.DNSEndpoints, list)
		case configMapFeed:
			if key != w.cluster.guardFeedKey() {
				objects.ConfigMaps = appendTyped[*corev1.ConfigMap](objects.ConfigMaps, list)
				continue
			}
			for _, object := range appendTyped[*corev1.ConfigMap](nil, list) { // one at most
				objects.Guard = w.cluster.recordOf(object)
			}
		default:
			objects.Secrets = appendTyped[*corev1.Secret](objects.Secrets, list)
		}
	}
}

// appendServed appends the items of the Store that all replicas serve.
func (c *Cluster) appendServed(to []*corev1.Secret, list []metav1.Object) []*corev1.Secret {
	for _, object := range list {
		secret, ok := object.(*corev1.Secret)
		if item, own := strings.CutPrefix(object.GetName(), c.cfg.Name+"-"); ok && own && gatelodge.IsServedItem(item) {
			to = append(to, secret)
		}
	}
	return to
}

func appendTyped[T metav1.Object](to []T, list []metav1.Object) []T {
	to = slices.Grow(to, len(list))
	for _, object := range list {
		if typed, ok := object.(T); ok { // a feed holds one kind only
			to = append(to, typed)
		}
	}
	return to
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
	if why := w.cluster.faults.String(); why != "" {
		text += ": " + why
	}
	return text
}
