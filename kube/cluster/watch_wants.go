package cluster

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// feedKey identifies what one list and watch is about.
type feedKey struct {
	kind      string // as in the table of kinds
	namespace string // "": all, or the kind has none
	name      string // "": all
	tls       bool   // Secrets of type kubernetes.io/tls alone
	labels    string // label selector; "": all
	record    bool   // a ConfigMap of the gateway itself, which is in no Table
}

// String returns what is watched, to complete "watch …", in the words of messages and
// RBAC.
func (k feedKey) String() string {
	text := objects.KindOf(k.kind).Resource
	if k.kind == objects.StoredKind {
		text = "own " + text
	}
	if k.tls {
		text += " of type " + string(corev1.SecretTypeTLS)
	}
	if k.name != "" {
		text += " " + k.name
	}
	if k.namespace != "" {
		text += " in namespace " + k.namespace
	}
	return text
}

// selection returns the selectors for the server. The name comes from annotations, so
// it is escaped.
func (k feedKey) selection() metav1.ListOptions {
	switch {
	case k.name != "":
		return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, k.name).String()}
	case k.tls:
		return metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("type", string(corev1.SecretTypeTLS)).String()}
	}
	return metav1.ListOptions{LabelSelector: k.labels}
}

// fixedFeeds lists the feeds that a configuration needs whatever objects exist. present
// contains the optional kinds that the cluster has.
func (c *Cluster) fixedFeeds(cfg *objects.Config, present func(kind string) bool) []feedKey {
	keys := append(feedsOf(cfg), c.storedFeedOf(cfg)...)
	keys = append(keys, c.guardFeedKey(), c.claimsFeedKey(), c.leavingFeedKey())
	if present("DNSEndpoint") {
		keys = append(keys, dnsEndpointFeeds(cfg)...)
	}
	return keys
}

// feedsOf lists the feeds that a configuration needs whatever objects exist. Nothing is
// watched that is not read.
func feedsOf(cfg *objects.Config) []feedKey {
	namespaces := cfg.WatchedNamespaces()
	var keys []feedKey
	add := func(key feedKey) {
		all := feedKey{kind: key.kind, namespace: key.namespace, tls: key.tls}
		if !slices.Contains(keys, key) && !slices.Contains(keys, all) && !slices.Contains(keys, feedKey{kind: key.kind, tls: key.tls}) {
			keys = append(keys, key)
		}
	}
	for _, namespace := range namespaces {
		add(feedKey{kind: "Ingress", namespace: namespace})
		add(feedKey{kind: "Secret", namespace: namespace, tls: true})
		add(feedKey{kind: "Service", namespace: namespace})
		add(feedKey{kind: "EndpointSlice", namespace: namespace})
		add(feedKey{kind: "Namespace", name: namespace}) // a Namespace is not in a namespace
	}
	if cfg.ReadsClasses() {
		add(feedKey{kind: "IngressClass"})
	}
	// The rest is usually outside a gateway's namespaces.
	if cfg.DefaultBackend != nil {
		add(feedKey{kind: "Service", namespace: cfg.DefaultBackend.Namespace})
		add(feedKey{kind: "EndpointSlice", namespace: cfg.DefaultBackend.Namespace})
	}
	for _, list := range cfg.BadKeys {
		add(feedKey{kind: "ConfigMap", namespace: list.Namespace, name: list.Name})
	}
	for _, service := range cfg.AnnouncingServices() {
		add(feedKey{kind: "Service", namespace: service.Namespace, name: service.Name})
	}
	return keys
}

// storedFeedOf returns the feed of the gateway's own items about the certificates that
// it orders.
func (c *Cluster) storedFeedOf(cfg *objects.Config) []feedKey {
	if !cfg.KeepsCertificates() {
		return nil
	}
	return []feedKey{{kind: objects.StoredKind, namespace: c.Cfg.Namespace, labels: c.itemLabels()}}
}

// dnsEndpointFeeds lists the additional feeds for DNSEndpoints.
func dnsEndpointFeeds(cfg *objects.Config) []feedKey {
	var keys []feedKey
	for _, namespace := range cfg.WatchedNamespaces() {
		if key := (feedKey{kind: "DNSEndpoint", namespace: namespace}); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// parametersFeeds lists the feeds of the ConfigMaps that served classes name.
func parametersFeeds(all objects.Table[*networkingv1.IngressClass], cfg *objects.Config) []feedKey {
	classes := intent.NewClasses(all, cfg)
	if classes.Unread {
		return nil
	}
	var keys []feedKey
	for _, class := range all.All() {
		if class.Spec.Parameters == nil || !classes.Ours[class.Name] {
			continue
		}
		name, err := intent.ParametersName(class)
		key := feedKey{kind: "ConfigMap", namespace: name.Namespace, name: name.Name}
		if err == nil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
