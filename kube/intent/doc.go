// Package intent is what one object asks for, read from that object alone: the
// names, paths, backends, certificates and records of an Ingress, and of the
// Services and DNSEndpoints that ask for records only.
//
//	ingress.go      rules, paths and backends; alias.go further names; pattern.go regular expressions
//	class.go        which Ingresses are ours; parameters.go the defaults of their classes
//	reading.go      all of them; a Reader reads each once
//	publish.go      Services, servicelead.go where they lead; dnsendpoint.go DNSEndpoints
//
// Package annotations reads what annotations ask for, and package syntax texts.
//
// It must not look at a second object, but for the EndpointSlices and nodes that the
// names of a Service lead to: who gets a name, whether a Secret is there
// and what is behind a Service is decided in package compile.
package intent
