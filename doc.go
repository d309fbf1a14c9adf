// Package gatelodge is the vocabulary of the Gatelodge gateway: an Ingress
// controller and the authoritative DNS server of its own hosts, in one
// process.
//
// Kubernetes objects are compiled into one immutable Snapshot. Each of the three
// servers asks it one question: package proxy which Route, package tls which
// Certificate, package dnsserve which Records. Each server compiles the Snapshot
// into its own Table, and Live publishes the Snapshot and all Tables in one atomic
// step, so the three answers cannot disagree.
//
// This package holds those nouns and the few algorithms that every other package
// needs: the persistent Map and HashMap, the canonical form of a path, the keys
// that replicas share, and the stored form of ACME items. It imports only the
// standard library, and every other package imports it.
package gatelodge
