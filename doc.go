// Package gatelodge is the vocabulary of the Gatelodge gateway: an Ingress
// controller and the authoritative DNS server of its own hosts, in one
// process.
//
// Kubernetes objects are compiled into one immutable Snapshot. Three servers
// each ask it one question: package proxy which Route, package tls which
// Certificate, package dnsserve which Records. Each compiles the Snapshot into
// a Table of its own, and Live publishes Snapshot and Tables in one atomic
// step. That is why the three answers can't disagree.
//
// The package holds these nouns, and the few algorithms that all the others need:
// the Map that they are kept in, the canonical path, the keys that replicas share,
// and the form in which ACME items are stored. It imports only the standard
// library, and everything else imports it.
package gatelodge
