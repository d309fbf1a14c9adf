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
		objs.Ingresses = slices.Clone(objs.Ingresses)
		edited := *objs.Ingresses[5000]
		edited.ResourceVersion = strconv.Itoa(n + 1)
		edited.Spec.Rules = slices.Clone(edited.Spec.Rules)
		edited.Spec.Rules[0].Host = fmt.Sprintf("moved%d.team7.example.com", n)
		objs.Ingresses[5000] = &edited
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
		objs.Slices = slices.Clone(objs.Slices)
		meta := objs.Slices[700].ObjectMeta
		meta.ResourceVersion = strconv.Itoa(n + 1)
		objs.Slices[700] = kubetest.BigSlice(meta, meta.Labels[discoveryv1.LabelServiceName], 1+n%5)
		guard.Build(objs, cfg)
	}
}
