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

// presenceEvery is how often it is asked whether a resource is there. To be
// asked this every account has the right (ClusterRole system:discovery), where
// to watch CustomResourceDefinitions few have.
const presenceEvery = 15 * time.Second

// resourceServer tells the resources of a group's version; it is the part of
// discovery.ServerResourcesInterfaceWithContext that is needed.
type resourceServer interface {
	ServerResourcesForGroupVersionWithContext(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
}

// presence knows whether the API server has a resource that not every cluster
// has, and that may come and go.
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

// follow asks now and then until ctx ends, and calls changed after each news.
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

// learn takes in an answer. An error says nothing, but for that the resource is
// not found or, at first, that we may not know.
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
