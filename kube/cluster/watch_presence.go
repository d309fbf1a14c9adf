package cluster

import (
	"context"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	gatelodge "gatelodge.dev"
)

// presenceEvery is the interval for checking whether a resource exists. Every account
// has the right for that (ClusterRole system:discovery), while few may watch
// CustomResourceDefinitions.
const presenceEvery = 15 * time.Second

// resourceServer returns the resources of a group's version; it is the part of
// discovery.ServerResourcesInterfaceWithContext that is needed.
type resourceServer interface {
	ServerResourcesForGroupVersionWithContext(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
}

// presence tracks whether the API server has a resource that not every cluster has, and
// that may be installed and removed.
type presence struct {
	resource schema.GroupVersionResource
	doubt    gatelodge.Signal // a request found it missing

	mu      sync.Mutex
	known   bool
	present bool
}

func newPresence(resource schema.GroupVersionResource) *presence {
	return &presence{resource: resource, doubt: gatelodge.NewSignal()}
}

func (p *presence) get() (present, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.present, p.known
}

// follow checks from time to time until ctx ends, and calls changed after each change.
func (p *presence) follow(ctx context.Context, server resourceServer, problems *problems, changed func()) {
	for {
		list, err := server.ServerResourcesForGroupVersionWithContext(ctx, p.resource.GroupVersion().String())
		problem := err
		if apierrors.IsNotFound(err) {
			problem = nil // this is an answer
		}
		problems.note("look for "+p.resource.Resource, problem)
		if p.learn(list, err) {
			changed()
		}
		wait := presenceEvery
		if _, known := p.get(); !known {
			wait = time.Second
		}
		select {
		case <-time.After(wait):
		case <-p.doubt:
		case <-ctx.Done():
			return
		}
	}
}

// learn processes an answer. An error changes nothing, unless it means that the
// resource does not exist or, at first, that this account may not ask.
func (p *presence) learn(list *metav1.APIResourceList, err error) (news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	present := p.present
	switch {
	case err == nil:
		present = slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == p.resource.Resource })
	case apierrors.IsNotFound(err):
		present = false
	case !apierrors.IsForbidden(err):
		return false
	}
	news = !p.known || present != p.present
	p.known, p.present = true, present
	return news
}
