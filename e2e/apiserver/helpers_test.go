package apiserver_test

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
