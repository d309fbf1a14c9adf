package cluster

import (
	"context"
	"log/slog"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/fake"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// TestReplicasHearWhichAddressesGo: by the ConfigMap, which several replicas write.
func TestReplicasHearWhichAddressesGo(t *testing.T) {
	client := versioned(fake.NewClientset())
	c := New(client, Config{Name: "a", Namespace: "gatelodge", Pod: "p", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	cfg := &objects.Config{Namespaces: []string{"shop"}, Classes: []string{"ours"}}
	w := c.Watch(func() *objects.Config { return cfg }, nil)
	ctx, stop := context.WithCancel(t.Context())
	dirty, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- w.Run(ctx, func() { dirty <- struct{}{} }) }()
	defer func() {
		stop()
		kubetest.Must(t, <-ended)
	}()
	<-dirty
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::2")
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, step := range []struct {
		idea    string
		address netip.Addr
		until   time.Time
		want    objects.Leaving
	}{
		{"a replica shuts down", one, until, objects.Leaving{one: until}},
		{"another one, too", two, until, objects.Leaving{one: until, two: until}},
		{"the first one is back", one, time.Time{}, objects.Leaving{two: until}},
		{"the second one, too", two, time.Time{}, objects.Leaving{}},
	} {
		kubetest.Must(t, c.PutLeaving(t.Context(), []netip.Addr{step.address}, step.until))
		for got := w.Objects().Leaving; !reflect.DeepEqual(got, step.want); got = w.Objects().Leaving {
			select {
			case <-dirty:
			case <-time.After(time.Minute):
				t.Fatalf("%s: got %v, want %v", step.idea, got, step.want)
			}
		}
	}
}
