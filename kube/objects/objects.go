package objects

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// ServiceOf names the Service that a slice is of.
func ServiceOf(slice *discoveryv1.EndpointSlice) Key {
	return Key{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
}

// SameAs tells whether both are the same objects.
func (o *Objects) SameAs(p *Objects) bool {
	return slices.Equal(o.Ingresses, p.Ingresses) && slices.Equal(o.Classes, p.Classes) &&
		slices.Equal(o.Services, p.Services) && slices.Equal(o.Slices, p.Slices) && slices.Equal(o.Secrets, p.Secrets) &&
		slices.Equal(o.Namespaces, p.Namespaces) && slices.Equal(o.DNSEndpoints, p.DNSEndpoints) && slices.Equal(o.ConfigMaps, p.ConfigMaps) &&
		slices.Equal(o.Stored, p.Stored)
}

// Objects is everything that a Snapshot is built from at one moment, in any
// order. Slices, map and objects are shared and never written. UID, resourceVersion and
// creationTimestamp are set on each; no two of a kind have the same namespace
// and name. Where a kind did not change, handing over the same pointers in the
// same order makes Build cheap.
type Objects struct {
	Ingresses  []*networkingv1.Ingress
	Classes    []*networkingv1.IngressClass
	Services   []*corev1.Service
	Slices     []*discoveryv1.EndpointSlice
	Secrets    []*corev1.Secret
	Namespaces []*corev1.Namespace
	ConfigMaps []*corev1.ConfigMap

	DNSEndpoints []*DNSEndpoint

	// Stored is the items of the gateway's own Store that all replicas serve, by
	// gatelodge.IsServedItem: challenges, and certificates that were issued. The
	// version of one is its resourceVersion.
	Stored []*corev1.Secret

	// Externals is what ExternalName Services lead to, if somebody looked it up.
	Externals *Externals

	// Good is what certificates were read from before.
	Good GoodSecrets

	Problems []gatelodge.Problem  // what the source could not read
	Origins  map[types.UID]Origin // where objects were read from; nil without files
	Now      time.Time            // what certificates are judged by

	// Relists is what lists that came whole of late lacked, and Guard what the
	// leader wrote down for the Guards of all replicas; nil: nothing.
	Relists []*Relist
	Guard   *GuardRecord

	// Remembered is when these were the cluster's objects, if they come from
	// disk; zero: they are what the source says now.
	Remembered time.Time
}

// Origin is the place in a file where an object starts.
type Origin struct {
	File string
	Line int // counted from 1
}

// ObjectOf names an object for problems and routes.
func (o *Objects) ObjectOf(kind string, meta *metav1.ObjectMeta) gatelodge.Object {
	origin := o.Origins[meta.UID]
	return gatelodge.Object{
		Kind: kind, Namespace: meta.Namespace, Name: meta.Name, UID: string(meta.UID),
		File: origin.File, Line: origin.Line,
	}
}

// Version tells one content of an object from any other, and also one place of
// it in a file from another, because problems name the place, and one age,
// which in a folder is a matter of place too.
type Version struct {
	Uid             types.UID
	resourceVersion string
	created         int64 // nanoseconds since 1970
	origin          Origin
}

func (o *Objects) VersionOf(meta *metav1.ObjectMeta) Version {
	return Version{
		Uid: meta.UID, resourceVersion: meta.ResourceVersion, created: meta.CreationTimestamp.UnixNano(), origin: o.Origins[meta.UID],
	}
}

// NameOf is the key under which others refer to an object.
func NameOf(meta *metav1.ObjectMeta) types.NamespacedName {
	return types.NamespacedName{Namespace: meta.Namespace, Name: meta.Name}
}
