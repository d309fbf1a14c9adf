package compile

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"

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
