package kube

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
)

// feedsOf lists what has to be watched for a configuration, whatever objects
// there are. Nothing is watched that nobody reads.
func feedsOf(cfg *Config) []feedKey {
	namespaces := cfg.watchedNamespaces()
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
	if cfg.readsClasses() {
		add(feedKey{kind: classFeed})
	}
	// The rest lies outside of a gateway's namespaces, as a rule.
	if cfg.DefaultBackend != nil {
		add(feedKey{kind: serviceFeed, namespace: cfg.DefaultBackend.Namespace})
		add(feedKey{kind: sliceFeed, namespace: cfg.DefaultBackend.Namespace})
	}
	for _, service := range cfg.announcingServices() {
		add(feedKey{kind: serviceFeed, namespace: service.Namespace, name: service.Name})
	}
	return keys
}

// storedFeedOf is the feed of the gateway's own items, which nobody needs who
// orders no certificates.
func (c *Cluster) storedFeedOf(cfg *Config) []feedKey {
	if cfg.ACME == nil {
		return nil
	}
	return []feedKey{{kind: storedFeed, namespace: c.cfg.Namespace, labels: c.itemLabels()}}
}

// watchedNamespaces are those of Ingresses, "" for all.
func (c *Config) watchedNamespaces() []string {
	if len(c.Namespaces) == 0 {
		return []string{""}
	}
	return c.Namespaces
}

// dnsEndpointFeeds lists what is watched as well where there are DNSEndpoints.
func dnsEndpointFeeds(cfg *Config) []feedKey {
	var keys []feedKey
	for _, namespace := range cfg.watchedNamespaces() {
		if key := (feedKey{kind: dnsEndpointFeed, namespace: namespace}); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// parametersFeeds lists the ConfigMaps that our classes name.
func parametersFeeds(objects []*networkingv1.IngressClass, cfg *Config) []feedKey {
	classes := newClasses(objects, cfg)
	if classes.unread {
		return nil
	}
	var keys []feedKey
	for _, class := range objects {
		if class.Spec.Parameters == nil || !classes.ours[class.Name] {
			continue
		}
		name, err := parametersName(class)
		key := feedKey{kind: configMapFeed, namespace: name.Namespace, name: name.Name}
		if err == nil && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// announcingServices are those whose addresses are published.
func (c *Config) announcingServices() []types.NamespacedName {
	var services []types.NamespacedName
	for _, view := range c.Views {
		if len(view.Addresses) == 0 && view.Service.Name != "" {
			services = append(services, view.Service)
		}
	}
	if len(c.DNSAddresses) == 0 && c.DNSService.Name != "" && c.needsNameserverAddresses() {
		services = append(services, c.DNSService)
	}
	return services
}
