// Package budget counts what is used of the limits of a CA, so that no order is
// placed that the CA would refuse. It knows how CAs count, but neither ACME nor
// how orders are placed, and it keeps nothing itself: a Ledger can be written and
// read as text.
package budget
