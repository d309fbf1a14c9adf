package cluster

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// feedsOf lists what has to be watched for a configuration, whatever objects
// there are. Nothing is watched that nobody reads.
func feedsOf(cfg *objects.Config) []feedKey {
	namespaces := cfg.WatchedNamespaces()
	var keys []feedKey
	add := func(key feedKey) {
		all := feedKey{kind: key.kind, namespace: key.namespace}
		if !slices.Contains(keys, key) && !slices.Contains(keys, all) && !slices.Contains(keys, feedKey{kind: key.kind}) {
			keys = append(keys, key)
		}
	}
	for _, namespace := range namespaces {
		add(feedKey{kind: ingressFeed, namespace: namespace})
		add(feedKey{kind: tlsSecretFeed, namespace: namespace})
		add(feedKey{kind: serviceFeed, namespace: namespace})
		add(feedKey{kind: sliceFeed, namespace: namespace})
		add(feedKey{kind: namespaceFeed, name: namespace}) // a Namespace lies in none
	}
	if cfg.ReadsClasses() {
		add(feedKey{kind: classFeed})
	}
	// The rest lies outside of a gateway's namespaces, as a rule.
	if cfg.DefaultBackend != nil {
		add(feedKey{kind: serviceFeed, namespace: cfg.DefaultBackend.Namespace})
		add(feedKey{kind: sliceFeed, namespace: cfg.DefaultBackend.Namespace})
	}
	for _, service := range cfg.AnnouncingServices() {
		add(feedKey{kind: serviceFeed, namespace: service.Namespace, name: service.Name})
	}
	return keys
}

// storedFeedOf is the feed of the gateway's own items, which nobody needs who
// orders no certificates.
func (c *Cluster) storedFeedOf(cfg *objects.Config) []feedKey {
	if cfg.ACME == nil {
		return nil
	}
	return []feedKey{{kind: storedFeed, namespace: c.Cfg.Namespace, labels: c.itemLabels()}}
}

// dnsEndpointFeeds lists what is watched as well where there are DNSEndpoints.
func dnsEndpointFeeds(cfg *objects.Config) []feedKey {
	var keys []feedKey
	for _, namespace := range cfg.WatchedNamespaces() {
		if key := (feedKey{kind: dnsEndpointFeed, namespace: namespace}); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// parametersFeeds lists the ConfigMaps that our classes name.
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
		key := feedKey{kind: configMapFeed, namespace: name.Namespace, name: name.Name}
		if err == nil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
