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
// The package holds nouns only. It imports nothing but the standard library,
// and everything else imports it.
package gatelodge
