// Package pebble runs Pebble, the ACME CA for tests, as strict as it can be:
// with nonces that are refused at random and validations that take their time,
// through a resolver of the test's own and behind proxies that break things.
package pebble
