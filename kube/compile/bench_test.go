package compile

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

func BenchmarkBuildCold(b *testing.B) {
	objs, cfg := kubetest.BigCluster(b)
	for b.Loop() {
		new(Builder).Build(objs, cfg)
	}
}

// BenchmarkBuildOneEdit moves one Ingress to another host in each build.
func BenchmarkBuildOneEdit(b *testing.B) {
	objs, cfg := kubetest.BigCluster(b)
	var builder Builder
	builder.Build(objs, cfg)
	n := 0
	for b.Loop() {
		n++
		edited := *objs.Ingresses.Get(objects.Key{Namespace: "team7", Name: "app0"})
		edited.ResourceVersion = strconv.Itoa(n + 1)
		edited.Spec.Rules = slices.Clone(edited.Spec.Rules)
		edited.Spec.Rules[0].Host = fmt.Sprintf("moved%d.team7.example.com", n)
		objs.Ingresses = objects.WithObjects(objs.Ingresses, &edited)
		builder.Build(objs, cfg)
	}
}

// BenchmarkBuildOneEndpointChange replaces one EndpointSlice in each build.
func BenchmarkBuildOneEndpointChange(b *testing.B) {
	objs, cfg := kubetest.BigCluster(b)
	var builder Builder
	builder.Build(objs, cfg)
	n := 0
	for b.Loop() {
		n++
		meta := objs.Slices.Get(objects.Key{Namespace: "team70", Name: "service0"}).ObjectMeta
		meta.ResourceVersion = strconv.Itoa(n + 1)
		objs.Slices = objects.WithObjects(objs.Slices, kubetest.BigSlice(meta, meta.Labels[discoveryv1.LabelServiceName], 1+n%5))
		builder.Build(objs, cfg)
	}
}

// BenchmarkNamesOneEdit moves one of 20,000 Ingresses to another host, and
// decides anew who has which name.
func BenchmarkNamesOneEdit(b *testing.B) {
	objs, cfg := kubetest.BigCluster(b)
	all := claims.Claimants{}.Edit()
	add := func(object *networkingv1.Ingress, at int) intent.Key {
		only := objects.Objects{Ingresses: objects.TableOf(object)}
		source := new(intent.Reader).Read(&only, cfg, nil).Claimants
		claimant := *source.Get(intent.Key{Kind: "Ingress", Namespace: object.Namespace, Name: object.Name})
		claimant.Object.Name += fmt.Sprint("-", at)
		claimant.Claims = slices.Clone(claimant.Claims)
		claimant.Claims[0].Name = gatelodge.Name(fmt.Sprint("n", at, ".")) + claimant.Claims[0].Name
		all.Set(claimant.Key(), &claimant)
		return claimant.Key()
	}
	var key intent.Key
	for i := 0; i < 20_000; {
		for _, object := range objs.Ingresses.All() {
			key = add(object, i)
			i++
		}
	}
	limits := &claims.NameLimits{}
	builder := &Builder{last: memo{grants: claims.GrantNames(all.Map(), limits, cfg, claims.Incumbents{}, nil)}}
	held := builder.Held(claims.Held{}, objs.Now)
	builder.last.grants = claims.GrantNames(all.Map(), limits, cfg, claims.Incumbents{Served: held.Holdings, Leading: true}, builder.last.grants)
	held = builder.Held(held, objs.Now)
	n := 0
	for b.Loop() {
		n++
		edited := *all.Get(key)
		edited.Claims = slices.Clone(edited.Claims)
		edited.Claims[0].Name = gatelodge.Name(fmt.Sprintf("moved%d.team7.example.com", n))
		all.Set(key, &edited)
		builder.last.grants = claims.GrantNames(all.Map(), limits, cfg, claims.Incumbents{Served: held.Holdings, Leading: true}, builder.last.grants)
		held = builder.Held(held, objs.Now)
	}
}
