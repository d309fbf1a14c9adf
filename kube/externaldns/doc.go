// Package externaldns reads the annotations of ExternalDNS on an object, under both of
// its prefixes: which records the object asks for, typed and validated.
//
//	records.go  what they ask for; those of an Ingress
//	service.go  those of a Service
//
// It must not know of views, zones and claims: package intent puts what is asked for
// together with them.
package externaldns
