// Package intent reads what one object asks for, from that object alone: the names,
// paths, backends, certificates and records of an Ingress, and of the Services and
// DNSEndpoints that ask only for records.
//
//	ingress.go      rules, paths and backends; alias.go further names; pattern.go regular expressions
//	class.go        which Ingresses are ours; parameters.go the defaults of their classes
//	reading.go      all of them; a Reader reads each once
//	publish.go      Services, servicelead.go where they lead; dnsendpoint.go DNSEndpoints
//
// Package annotations reads what annotations ask for, and package syntax texts.
//
// It must not read a second object, except the EndpointSlices and nodes that the names
// of a Service lead to: package compile decides which namespace gets a name, whether a
// Secret exists, and what is behind a Service.
package intent
