// Package annotations is what the annotations of one object ask for, typed and
// validated: of an Ingress those of gatelodge.dev, of ingress-nginx and of
// ExternalDNS, after the defaults of its class, and those of Services and Namespaces.
//
//	annotations.go  how they are read, and in which order they count; one file for each group has its rows
//	externalauth.go the service that auth-url names
//	defaults.go     those that a class's ConfigMap has for all of its Ingresses
//	records.go      ExternalDNS's; service.go on Services
//	ineffective.go  annotations that have no effect where they stand
//
// It must not know of names, paths and claims: package intent puts what is asked for
// together with them.
package annotations
