package guard

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// BenchmarkGuardOneEdit is BenchmarkBuildOneEdit with a Guard, to which each
// edit is a host that went and one that came.
func BenchmarkGuardOneEdit(b *testing.B) {
	objs, cfg := kubetest.BigCluster(b)
	cfg.Guard = guardDefaults
	guard := &Guard{Log: slog.New(slog.DiscardHandler)}
	guard.Build(objs, cfg)
	n := 0
	for b.Loop() {
		n++
		objs.Now = objs.Now.Add(100 * time.Millisecond)
		edited := *objs.Ingresses.Get(objects.Key{Namespace: "team7", Name: "app0"})
		edited.ResourceVersion = strconv.Itoa(n + 1)
		edited.Spec.Rules = slices.Clone(edited.Spec.Rules)
		edited.Spec.Rules[0].Host = fmt.Sprintf("moved%d.team7.example.com", n)
		objs.Ingresses = objects.WithObjects(objs.Ingresses, &edited)
		guard.Build(objs, cfg)
	}
}

// BenchmarkGuardOneEndpointChange is BenchmarkBuildOneEndpointChange with a
// Guard.
func BenchmarkGuardOneEndpointChange(b *testing.B) {
	objs, cfg := kubetest.BigCluster(b)
	cfg.Guard = guardDefaults
	guard := &Guard{Log: slog.New(slog.DiscardHandler)}
	guard.Build(objs, cfg)
	n := 0
	for b.Loop() {
		n++
		objs.Now = objs.Now.Add(100 * time.Millisecond)
		meta := objs.Slices.Get(objects.Key{Namespace: "team70", Name: "service0"}).ObjectMeta
		meta.ResourceVersion = strconv.Itoa(n + 1)
		objs.Slices = objects.WithObjects(objs.Slices, kubetest.BigSlice(meta, meta.Labels[discoveryv1.LabelServiceName], 1+n%5))
		guard.Build(objs, cfg)
	}
}
