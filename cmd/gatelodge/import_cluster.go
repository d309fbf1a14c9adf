package main

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"gatelodge.dev/kube/manifests"
)

// readResources lists the resources that check and import read.
func readResources() []schema.GroupVersionResource {
	return []schema.GroupVersionResource{
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses"},
		{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
		{Group: "apps", Version: "v1", Resource: "deployments"},
		{Group: "apps", Version: "v1", Resource: "daemonsets"},
		{Version: "v1", Resource: "services"},
		{Version: "v1", Resource: "secrets"},
		{Version: "v1", Resource: "configmaps"},
		{Version: "v1", Resource: "namespaces"},
	}
}

// listPage is the number of objects in a list request.
const listPage = 500

// readCluster reads the objects of a cluster once, as manifests. Resources that it may
// not list are reported and left out.
func readCluster(ctx context.Context, api dynamic.Interface, tell func(error)) (manifests.Texts, error) {
	type list struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Items      []json.RawMessage `json:"items"`
	}
	texts := make(manifests.Texts)
	for _, resource := range readResources() {
		found := list{APIVersion: "v1", Kind: "List"}
		options := metav1.ListOptions{Limit: listPage}
		for {
			page, err := api.Resource(resource).List(ctx, options)
			if apierrors.IsForbidden(err) {
				tell(fmt.Errorf("the %s are left out: %w", resource.Resource, err))
				break
			}
			if err != nil {
				return nil, fmt.Errorf("listing %s: %w", resource.Resource, err)
			}
			for i := range page.Items {
				item, err := page.Items[i].MarshalJSON()
				if err != nil {
					return nil, fmt.Errorf("listing %s: %w", resource.Resource, err)
				}
				found.Items = append(found.Items, item)
			}
			if options.Continue = page.GetContinue(); options.Continue == "" {
				break
			}
		}
		text, err := json.Marshal(found)
		if err != nil {
			return nil, err
		}
		texts["cluster/"+resource.Resource] = text
	}
	return texts, nil
}
