package cluster

import (
	"fmt"
	"testing"

	"gatelodge.dev/kube/objects"
)

// BenchmarkEvent is one change of an Ingress, from the Reflector to the objects that
// are handed out, with one feed for all namespaces and with one for each.
func BenchmarkEvent(b *testing.B) {
	for _, size := range []int{2000, 20_000} {
		for _, namespaces := range []int{1, 100} {
			b.Run(fmt.Sprintf("%d Ingresses/%d feeds", size, namespaces), func(b *testing.B) { benchmarkEvent(b, size, namespaces) })
		}
	}
}

func benchmarkEvent(b *testing.B, size, namespaces int) {
	cfg := &objects.Config{}
	w := New(nil, Config{Name: "gatelodge", Namespace: "gatelodge"}).Watch(func() *objects.Config { return cfg }, nil)
	w.looked = cfg
	var keys []feedKey
	for n := range namespaces {
		key := feedKey{kind: "Ingress"}
		if namespaces > 1 {
			key.namespace = fmt.Sprint("team", n)
		}
		var items []any
		for i := range size / namespaces {
			items = append(items, ingressOf(fmt.Sprint("team", n), fmt.Sprint("web", i), "1"))
		}
		w.feeds[key] = newFeed(w.cluster, key, func() { w.changed(key) }, func() {})
		must(b, w.feeds[key].Replace(items, ""))
		keys = append(keys, key)
	}
	w.merged = w.merged.with(keys, w.feeds)
	n := 0
	for b.Loop() {
		n++
		namespace := n % namespaces
		must(b, w.feeds[keys[namespace]].Update(ingressOf(fmt.Sprint("team", namespace), fmt.Sprint("web", n*79%(size/namespaces)), fmt.Sprint(n+1))))
		if objs := w.Objects(); objs.Ingresses.Len() != size {
			b.Fatal("an Ingress is missing")
		}
	}
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
