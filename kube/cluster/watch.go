package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/discovery"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Watch is a Source that lists and watches an API server. If it can't be reached, or
// refuses a request, the known objects stay, the failure is one of the Problems, and
// everything is retried with a back-off of a few seconds at most.
//
// What is watched depends on the configuration and the objects: a Secret that is not of
// type kubernetes.io/tls is watched by its name while a served Ingress names it.
type Watch struct {
	cluster  *Cluster
	config   func() *objects.Config
	wake     gatelodge.Signal     // something changed
	optional map[string]*presence // by kind, of resources that not every cluster has
	reader   *intent.Reader       // shared with the Builder

	newsMu sync.Mutex
	news   map[feedKey]bool // the feeds that changed

	mu                sync.Mutex
	feeds             map[feedKey]*feed
	merged            *merged         // the current result; nil: it is not complete yet
	made              needed          // the needs that merged was made for
	parameters, named []feedKey       // the feeds of merged that objects asked for
	looked            *objects.Config // the configuration of the last check of the needs
	pending           bool            // needed feeds are not complete yet
	secrets           *secretWants
	problems          []gatelodge.Problem
	claims            claimsRecord
}

// needed determines which feeds are needed, in addition to the Secrets that Ingresses
// name.
type needed struct {
	cfg     *objects.Config
	present string // the optional kinds that the cluster has
	classes objects.Table[*networkingv1.IngressClass]
	nodes   bool // names lead to nodes
}

// Watch returns the Source of the cluster's objects, for what config returns.
// Which Secrets it reads depends on what reader finds in the Ingresses.
func (c *Cluster) Watch(config func() *objects.Config, reader *intent.Reader) *Watch {
	w := &Watch{
		cluster: c, config: config, reader: reader, wake: gatelodge.NewSignal(),
		optional: make(map[string]*presence), news: make(map[feedKey]bool), feeds: make(map[feedKey]*feed), secrets: &secretWants{},
	}
	if c.Cfg.Custom != nil {
		for kind, reading := range readings() {
			if reading.optional != nil {
				w.optional[kind] = newPresence(*reading.optional)
			}
		}
	}
	c.problems.onChange(w.wake.Raise)
	return w
}

// Run watches until ctx ends. Objects is complete once everything was listed.
func (w *Watch) Run(ctx context.Context, dirty func()) error {
	ctx, stop := context.WithCancel(quietly(ctx, w.cluster.Cfg.Log))
	defer stop()
	for _, p := range w.optional {
		go p.follow(ctx, discovery.ToDiscoveryInterfaceWithContext(w.cluster.Client.Discovery()), w.cluster.problems, w.wake.Raise)
	}
	for complete := false; ; {
		complete = w.reconcile(ctx) || complete
		if complete {
			dirty()
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// reconcile starts missing feeds. Once all are complete, they replace what was watched
// before. It reports whether that happened.
func (w *Watch) reconcile(ctx context.Context) (changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takeNews()
	cfg := w.config()
	w.looked = cfg
	present, unknown := w.presentKinds(cfg)
	if w.merged != nil && !w.pending && w.made == (needed{cfg, present, w.merged.objects.Classes, w.needsNodes(w.merged, cfg)}) {
		last := w.secrets
		if w.secrets = w.wantedSecrets(w.merged, cfg); w.secrets.missing == last.missing && w.secrets.configMaps == last.configMaps {
			return false
		}
	}
	w.pending = true
	fixed := w.cluster.fixedFeeds(cfg, func(kind string) bool { return slices.Contains(strings.Fields(present), kind) })
	if !w.start(ctx, fixed) || unknown != "" {
		return false
	}
	// The other feeds are still there, so that Tables continue from the previous ones.
	next := w.merged.with(slices.Concat(fixed, w.parameters, w.named), w.feeds)
	classes := next.objects.Classes
	parameters := parametersFeeds(classes, cfg)
	if !w.start(ctx, parameters) {
		return false
	}
	next = next.with(slices.Concat(fixed, parameters, w.named), w.feeds)
	w.secrets = w.wantedSecrets(next, cfg)
	named, problems := w.secrets.feeds()
	configMaps, more := w.secrets.configMapFeeds()
	problems = append(problems, more...)
	for _, key := range configMaps {
		if !slices.Contains(parameters, key) {
			named = append(named, key)
		}
	}
	nodes := w.needsNodes(next, cfg)
	if nodes {
		named = append(named, feedKey{kind: "Node"})
	}
	if !w.start(ctx, named) {
		return false
	}
	keys := slices.Concat(fixed, parameters, named)
	w.merged, w.made = next.with(keys, w.feeds), needed{cfg, present, classes, nodes}
	w.parameters, w.named, w.problems, w.pending = parameters, named, problems, false
	w.stopOthers(keys)
	return true
}

// presentKinds lists the optional kinds that are read for a configuration and that the
// cluster has, and the resources for which that is unknown.
func (w *Watch) presentKinds(cfg *objects.Config) (present, unknown string) {
	if len(cfg.Zones) == 0 { // only records come from optional kinds
		return "", ""
	}
	for _, kind := range slices.Sorted(maps.Keys(w.optional)) {
		switch there, known := w.optional[kind].get(); {
		case !known:
			unknown += " " + objects.KindOf(kind).Resource
		case there:
			present += " " + kind
		}
	}
	return present, unknown
}

// wantedSecrets updates which Secrets have to be watched by name.
func (w *Watch) wantedSecrets(m *merged, cfg *objects.Config) *secretWants {
	var known []objects.Table[*corev1.Secret]
	for _, key := range m.ofKind["Secret"] {
		if key.tls {
			known = append(known, m.took[key].objects.Secrets)
		}
	}
	configured := slices.Clone(cfg.DefaultCertificates)
	if cfg.ACME != nil {
		for _, account := range cfg.ACME.Accounts() {
			configured = append(configured, account.BindingSecret)
		}
		configured = append(configured, cfg.ACME.AccountSecret)
	}
	configured = append(configured, cfg.TransferSecrets()...)
	return w.secrets.after(w.reader.Read(&m.objects, cfg, nil).Claimants, configured, known)
}

// needsNodes reports whether nodes have to be watched.
func (w *Watch) needsNodes(m *merged, cfg *objects.Config) bool {
	return w.reader.Read(&m.objects, cfg, nil).NeedsNodes()
}

// start starts the feeds that do not run yet, and reports whether all are complete.
func (w *Watch) start(ctx context.Context, keys []feedKey) (settled bool) {
	settled = true
	for _, key := range keys {
		f := w.feeds[key]
		if f == nil {
			f = newFeed(w.cluster, key, func() { w.changed(key) }, func() {
				if p := w.optional[key.kind]; p != nil {
					p.doubt.Raise()
				}
			})
			f.start(ctx)
			w.feeds[key] = f
		}
		settled = f.isSettled() && settled
	}
	return settled
}

// stopOthers stops the feeds that are not needed any more.
func (w *Watch) stopOthers(keys []feedKey) {
	needed := make(map[feedKey]bool, len(keys))
	for _, key := range keys {
		needed[key] = true
	}
	for key, f := range w.feeds {
		if !needed[key] {
			f.stop()
			delete(w.feeds, key)
			w.cluster.problems.end("watch " + key.String())
		}
	}
}

// changed is called when the objects of a feed changed.
func (w *Watch) changed(key feedKey) {
	w.newsMu.Lock()
	w.news[key] = true
	w.newsMu.Unlock()
	w.wake.Raise()
}

// takeNews takes over the changes of the feeds.
func (w *Watch) takeNews() {
	if w.merged == nil {
		return
	}
	w.newsMu.Lock()
	news := w.news
	w.news = make(map[feedKey]bool)
	w.newsMu.Unlock()
	for key := range news {
		if _, ok := w.merged.took[key]; ok {
			w.merged.take(key, w.feeds[key].read())
		}
	}
}

// Objects returns the latest objects of the API server; its time is now.
func (w *Watch) Objects() objects.Objects {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takeNews()
	if w.looked != w.config() {
		w.wake.Raise() // another configuration may need other objects
	}
	objs := w.merged.objects
	objs.Now = time.Now()
	objs.Guard, objs.Claims = w.cluster.recordOf(w.record(w.cluster.guardFeedKey())), w.readClaims()
	objs.Leaving = w.readLeaving()
	objs.Problems = append(w.cluster.problems.list(), w.problems...)
	return objs
}

// record returns the content of a feed of one ConfigMap, nil for none.
func (w *Watch) record(key feedKey) *corev1.ConfigMap {
	feed := w.feeds[key]
	if feed == nil {
		return nil
	}
	now := feed.read()
	return now.objects.ConfigMaps.Get(objects.Key{Namespace: key.namespace, Name: key.name})
}

// Waiting returns what is missing until Objects is complete for the first time, and
// why, or "" when nothing is.
func (w *Watch) Waiting() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.merged != nil {
		return ""
	}
	var missing []string
	cfg := w.config()
	for _, key := range w.cluster.fixedFeeds(cfg, func(string) bool { return false }) {
		if f := w.feeds[key]; f == nil || !f.isSettled() {
			missing = append(missing, key.String())
		}
	}
	if _, unknown := w.presentKinds(cfg); unknown != "" {
		missing = append(missing, "word whether there are"+unknown)
	}
	text := "waiting for " + strings.Join(missing, ", ")
	if why := w.cluster.problems.String(); why != "" {
		text += ": " + why
	}
	return text
}
