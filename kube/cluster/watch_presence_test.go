package cluster

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

func TestPresenceOfAResource(t *testing.T) {
	list := func(names ...string) *metav1.APIResourceList {
		list := &metav1.APIResourceList{}
		for _, name := range names {
			list.APIResources = append(list.APIResources, metav1.APIResource{Name: name})
		}
		return list
	}
	notFound := apierrors.NewNotFound(schema.GroupResource{}, "")
	p := newPresence(objects.DNSEndpointResource)
	for i, step := range []struct {
		list                 *metav1.APIResourceList
		err                  error
		news, present, known bool
	}{
		{nil, errors.New("no route to host"), false, false, false}, // nothing is known, so nothing is served yet
		{nil, notFound, true, false, true},
		{nil, notFound, false, false, true},
		{list("other"), nil, false, false, true},
		{list("other", "dnsendpoints"), nil, true, true, true},
		{nil, errors.New("no route to host"), false, true, true}, // what was known stays
		{nil, notFound, true, false, true},
	} {
		news := p.learn(step.list, step.err)
		if present, known := p.get(); news != step.news || present != step.present || known != step.known {
			t.Errorf("step %d: news %v, present %v, known %v", i, news, present, known)
		}
	}
	p = newPresence(objects.DNSEndpointResource)
	p.learn(nil, apierrors.NewForbidden(schema.GroupResource{}, "", nil))
	if present, known := p.get(); present || !known {
		t.Error("who may not ask waits for ever")
	}
}

// discoveryFunc is a server whose answers are made up.
type discoveryFunc func() (*metav1.APIResourceList, error)

func (f discoveryFunc) ServerResourcesForGroupVersionWithContext(context.Context, string) (*metav1.APIResourceList, error) {
	return f()
}

// TestLookingIsNoProblemForLong: rights that come a moment after the API server,
// as when it is restarted, end the fault, also where the resource is not there.
func TestLookingIsNoProblemForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []error{
			apierrors.NewForbidden(schema.GroupResource{}, "", errors.New("not yet")),
			apierrors.NewNotFound(schema.GroupResource{}, ""),
		}
		asked := 0
		server := discoveryFunc(func() (*metav1.APIResourceList, error) {
			err := answers[min(asked, len(answers)-1)]
			asked++
			return nil, err
		})
		problems := newProblems(slog.New(slog.DiscardHandler))
		go newPresence(objects.DNSEndpointResource).follow(t.Context(), server, problems, func() {})
		synctest.Wait()
		if problems.String() == "" {
			t.Error("nothing is told of a look that was forbidden")
		}
		time.Sleep(presenceEvery)
		synctest.Wait()
		if asked != 2 || problems.String() != "" {
			t.Errorf("after %d looks: %s", asked, problems)
		}
	})
}

// TestDNSEndpointsAreTrimmed: what Build reads is kept, and an object that has
// another form than ExternalDNS's keeps nothing else from being read.
func TestDNSEndpointsAreTrimmed(t *testing.T) {
	object := func(ttl any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"namespace": "shop", "name": "a", "uid": "u", "labels": map[string]any{"l": "x"},
				"annotations": map[string]any{"other": "x", externaldns.Prefix + "controller": "c"}},
			"spec":   map[string]any{"endpoints": []any{map[string]any{"dnsName": "a.test", "recordType": "A", "recordTTL": ttl, "targets": []any{"192.0.2.1"}}}},
			"status": map[string]any{"observedGeneration": int64(1)},
		}}
	}
	for name, test := range map[string]struct {
		ttl       any
		endpoints int
	}{
		"as ExternalDNS has it": {int64(30), 1},
		"of another form":       {"soon", 0},
	} {
		trimmed, err := readings()["DNSEndpoint"].trim(nil, object(test.ttl))
		kubetest.Must(t, err)
		e, ok := trimmed.(*objects.DNSEndpoint)
		if !ok || e.UID != "u" || e.Labels != nil || len(e.Annotations) != 1 {
			t.Errorf("%s: got %+v", name, trimmed)
		}
		if len(e.Spec.Endpoints) != test.endpoints || (e.Malformed == "") != (test.endpoints > 0) {
			t.Errorf("%s: got %+v, malformed %q", name, e.Spec, e.Malformed)
		}
	}
}
