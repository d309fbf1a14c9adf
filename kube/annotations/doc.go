// Package annotations is what the annotations of one object ask for, typed and
// validated: of an Ingress those of gatelodge.dev and of ingress-nginx, after the
// defaults of its class, and those of Services and Namespaces.
//
//	annotations.go  how they are read, and in which order they count; one file for each group has its rows
//	externalauth.go the service that auth-url names
//	defaults.go     those that a class's ConfigMap has for all of its Ingresses
//	ineffective.go  annotations that have no effect where they stand
//
// What those of ExternalDNS ask for is in package externaldns.
//
// It must not know of names, paths and claims: package intent puts what is asked for
// together with them.
package annotations
