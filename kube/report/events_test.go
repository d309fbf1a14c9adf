package report

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/cluster"
	"gatelodge.dev/kube/objects"
)

// tellings collects what is written about Events.
type tellings struct {
	mu    sync.Mutex
	lines []string
}

func (l *tellings) note(action clienttesting.Action) (bool, runtime.Object, error) {
	line := action.GetVerb()
	if create, ok := action.(clienttesting.CreateAction); ok {
		if meta, ok := create.GetObject().(metav1.Object); ok {
			name, _, _ := strings.Cut(meta.GetName(), ".")
			line += " " + name
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return false, nil, nil
}

// take returns what was told since the last call, in any order.
func (l *tellings) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	slices.Sort(lines)
	return lines
}

// reportOf is a report in which each of the Ingresses served has a host, and
// each of those that are wrong a problem.
func reportOf(served, wrong []string, hasStatus bool) *report {
	snapshot := &gatelodge.Snapshot{}
	var ingresses []*networkingv1.Ingress
	for _, name := range served {
		ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)}}
		if hasStatus {
			ingress.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "gatelodge/gatelodge"}}
		}
		ingresses = append(ingresses, ingress)
		object := gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: name, UID: name}
		host := gatelodge.Name(name + ".example")
		snapshot.Hosts = snapshot.Hosts.With(host, &gatelodge.Host{Name: host, Routes: []*gatelodge.Route{{Object: object}}})
	}
	for _, name := range wrong {
		object := gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: name, UID: name}
		snapshot.Problems = snapshot.Problems.With(gatelodge.Problem{Object: object, Reason: gatelodge.BadHost, Message: "no name"}, true)
	}
	return newReport(snapshot, objects.TableOf(ingresses...), nil)
}

func TestEventsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		var told tellings
		client.PrependReactor("*", "events", told.note)
		cluster := cluster.New(client, cluster.Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "p", Log: slog.New(slog.DiscardHandler)})
		writer := newEventWriter(cluster)
		wants := func(what string, want ...string) {
			t.Helper()
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := told.take(); !slices.Equal(got, want) {
				t.Errorf("%s: wrote %q, want %q", what, got, want)
			}
		}
		lead := func(term func()) {
			queue := writer.begin()
			var running sync.WaitGroup
			running.Go(func() { writer.run(context.Background(), queue) })
			term()
			queue.ShutDown()
			running.Wait()
		}
		lead(func() {
			writer.observe(reportOf([]string{"a", "b"}, []string{"c"}, false))
			wants("what holds at first", "create a", "create b", "create c")
			writer.observe(reportOf([]string{"a", "b"}, []string{"c"}, true))
			wants("nothing new")
			writer.observe(reportOf([]string{"a"}, []string{"c", "d"}, true))
			time.Sleep(lastingTime / 2)
			writer.observe(reportOf([]string{"a"}, []string{"c"}, true))
			wants("a problem that did not last")
			writer.observe(reportOf([]string{"a", "b"}, []string{"c"}, true))
			wants("a host that is back", "create b", "patch")
		})
		lead(func() {
			writer.observe(reportOf([]string{"a", "b", "late"}, []string{"c"}, false))
			wants("the next leader without the statuses", "create a", "create b", "create c", "create late")
		})
		lead(func() {
			writer.observe(reportOf([]string{"a", "b"}, []string{"c"}, true))
			wants("the next leader with the statuses", "create c")
			writer.observe(reportOf([]string{"a", "b", "new"}, []string{"c"}, true))
			wants("what is new to it", "create new")
		})
	})
}

func TestEventsFitTheAPI(t *testing.T) {
	cluster := cluster.New(nil, cluster.Config{Name: "gatelodge", Namespace: "gatelodge", Pod: "p"})
	e := event{
		object:  gatelodge.Object{Kind: "Ingress", Namespace: "shop", Name: strings.Repeat("a", 199) + "." + strings.Repeat("b", 53), UID: "u"},
		reason:  problemReason,
		message: strings.Repeat("é", 2000),
	}
	object := newEventWriter(cluster).object(e)
	if len(object.Message) > maxEventMessage || !strings.HasSuffix(object.Message, "é...") {
		t.Errorf("a message of %d bytes ends in %q", len(object.Message), object.Message[len(object.Message)-10:])
	}
	if err := objects.CheckItemName(object.Name); err != nil {
		t.Error(err)
	}
	if object.InvolvedObject.APIVersion != "networking.k8s.io/v1" || object.Type != "Warning" {
		t.Errorf("%+v", object)
	}
}

func TestStatusIsWrittenWhereItDiffers(t *testing.T) {
	served := reportOf([]string{"a"}, nil, true)
	served.snapshot.Views = []*gatelodge.View{{Addresses: addresses("192.0.2.1", "2001:db8::1")}}
	gone := reportOf(nil, nil, true)
	gone.snapshot.Views = served.snapshot.Views
	for name, test := range map[string]struct {
		report *report
		status string // addresses
		ours   bool
		want   bool
	}{
		"served and told":              {served, "192.0.2.1 2001:db8::1", true, false},
		"served, not told":             {served, "", false, true},
		"served, told by another":      {served, "192.0.2.1 2001:db8::1", false, true},
		"served elsewhere before":      {served, "192.0.2.9", true, true},
		"not served, nor told":         {gone, "", false, false},
		"not served, told by us":       {gone, "192.0.2.1", true, true},
		"not served, told by somebody": {gone, "192.0.2.1", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{UID: "a"}}
			for _, ip := range strings.Fields(test.status) {
				ingress.Status.LoadBalancer.Ingress = append(ingress.Status.LoadBalancer.Ingress, networkingv1.IngressLoadBalancerIngress{IP: ip})
			}
			if test.ours {
				ingress.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "us"}}
			}
			if got := test.report.differs(ingress); got != test.want {
				t.Errorf("differs: %t", got)
			}
		})
	}
}

func addresses(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}
