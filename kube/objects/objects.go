package objects

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
)

// Objects is everything that a Snapshot is built from at one moment. UID,
// resourceVersion and creationTimestamp are set on each object, and none is ever
// written: equal pointers mean equal content, place in a file and age. So a
// source that hands out the pointer that it had, and Tables that were made of
// those before, makes Build cost what changed.
type Objects struct {
	Ingresses  Table[*networkingv1.Ingress]
	Classes    Table[*networkingv1.IngressClass]
	Services   Table[*corev1.Service]
	Slices     Table[*discoveryv1.EndpointSlice]
	Secrets    Table[*corev1.Secret]
	Namespaces Table[*corev1.Namespace]
	ConfigMaps Table[*corev1.ConfigMap]
	Nodes      Table[*corev1.Node] // while names of Services lead there

	DNSEndpoints Table[*DNSEndpoint]

	// Stored is the items of the gateway's own Store that all replicas serve, by
	// gatelodge.IsServedItem: challenges, and certificates that were issued. The
	// version of one is its resourceVersion.
	Stored Table[*corev1.Secret]

	// Externals is what ExternalName Services lead to, as far as it was looked up.
	Externals Externals

	// Good is what certificates were read from before.
	Good GoodSecrets

	Problems []gatelodge.Problem // what the source could not read
	Origins  Origins             // where objects were read from; empty without files
	Now      time.Time           // what certificates are judged by

	// Relists is what lists that came whole of late lacked, and Guard what the
	// leader wrote down for the Guards of all replicas; nil: nothing.
	Relists []*Relist
	Guard   *GuardRecord

	// Claims is what the leader wrote down of who has names that several namespaces
	// claim.
	Claims Holdings

	// Leaving is which of the gateway's own addresses are about to go.
	Leaving Leaving

	// Remembered is when these were the cluster's objects, if they come from
	// disk; zero: they are what the source says now.
	Remembered time.Time
}

// SameAs reports whether both are the same objects.
func (o *Objects) SameAs(p *Objects) bool {
	for _, kind := range kinds {
		if !kind.Same(o, p) {
			return false
		}
	}
	return true
}

// Origins is the places in files of objects.
type Origins = gatelodge.Map[UID, Origin]

// Origin is the place in a file where an object starts.
type Origin struct {
	File string
	Line int // counted from 1
}

// ObjectOf names an object for problems and routes.
func (o *Objects) ObjectOf(kind string, meta *metav1.ObjectMeta) gatelodge.Object {
	origin := o.Origins.Get(UID(meta.UID))
	return gatelodge.Object{
		Kind: kind, Namespace: meta.Namespace, Name: meta.Name, UID: string(meta.UID),
		File: origin.File, Line: origin.Line,
	}
}

// ServiceOf names the Service that a slice is of.
func ServiceOf(slice *discoveryv1.EndpointSlice) Key {
	return Key{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
}
