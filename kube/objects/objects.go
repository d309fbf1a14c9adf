package objects

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
)

// Objects contains everything that a Snapshot is built from at one time. UID,
// resourceVersion and creationTimestamp are set on each object, and objects are
// immutable: equal pointers mean equal content, place in a file and age. If a source
// returns unchanged pointers, and Tables made of the previous ones, the cost of Build
// depends on the changes.
type Objects struct {
	Ingresses  Table[*networkingv1.Ingress]
	Classes    Table[*networkingv1.IngressClass]
	Services   Table[*corev1.Service]
	Slices     Table[*discoveryv1.EndpointSlice]
	Secrets    Table[*corev1.Secret]
	Namespaces Table[*corev1.Namespace]
	ConfigMaps Table[*corev1.ConfigMap]
	Nodes      Table[*corev1.Node] // while names of Services lead to nodes

	DNSEndpoints Table[*DNSEndpoint]

	// Stored contains the items of the gateway's own Store that all replicas serve, by
	// gatelodge.IsServedItem: challenges, and issued certificates. The version of one
	// is its resourceVersion.
	Stored Table[*corev1.Secret]

	// Externals contains the addresses of ExternalName Services that are known so far.
	Externals Externals

	// Good contains what certificates were read from before.
	Good GoodSecrets

	Problems []gatelodge.Problem // what the source could not read
	Origins  Origins             // where objects were read from; empty without files
	Now      time.Time           // the time for judging certificates

	// Relists contains what recent complete lists lacked, and Guard the leader's record
	// for the Guards of all replicas; nil: nothing.
	Relists []*Relist
	Guard   *GuardRecord

	// Claims is the leader's record of the owners of names that several namespaces
	// claim.
	Claims Holdings

	// Leaving contains the gateway's own withdrawn addresses.
	Leaving Leaving

	// Remembered is when these were the cluster's objects, if they come from disk;
	// zero: they come from the source.
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

// Origins contains the places of objects in files.
type Origins = gatelodge.Map[UID, Origin]

// Origin is the place in a file where an object starts.
type Origin struct {
	File string
	Line int // counted from 1
}

// ObjectOf identifies an object for problems and routes.
func (o *Objects) ObjectOf(kind string, meta *metav1.ObjectMeta) gatelodge.Object {
	origin := o.Origins.Get(UID(meta.UID))
	return gatelodge.Object{
		Kind: kind, Namespace: meta.Namespace, Name: meta.Name, UID: string(meta.UID),
		File: origin.File, Line: origin.Line,
	}
}

// ServiceOf returns the Service of a slice.
func ServiceOf(slice *discoveryv1.EndpointSlice) Key {
	return Key{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
}
