// Package caa finds the CAA records that hold for a name (RFC 8659) and says
// whether they let a CA issue certificates for it, by an account and a way of
// validation (RFC 8657).
//
// A CA refuses an order that the records forbid, and counts it. Looking first
// costs a few queries, and tells the owner of the name which record is in the way.
// The CA decides all the same: what can't be looked up here forbids nothing.
package caa
