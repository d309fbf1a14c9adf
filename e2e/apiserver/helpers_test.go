package apiserver_test

import (
	"testing"
	"time"
)

const shop = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
spec:
  rules:
  - host: shop.example
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service: {name: shop, port: {number: 80}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: shop-1
  labels:
    kubernetes.io/service-name: shop
addressType: IPv4
ports:
- {name: http, port: 8080}
endpoints:
- addresses: [ADDRESS]
`

const readIngresses = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: read-ingresses
rules:
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: read-configmaps
  namespace: gatelodge
rules:
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
`

// await asks until it gets no error, for what the API server does a moment after
// it has answered, such as heeding a new role.
func await(t *testing.T, what string, ask func() error) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for %s: %v", what, err)
		}
	}
}
