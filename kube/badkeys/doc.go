// Package badkeys knows keys that do not protect: those that others have, or can
// compute.
//
//	list.go    lists of keys that others have, by their hashes
//	rsa.go     RSA keys that can be computed, and weak ones
//	roca.go    those that a faulty generator made
//
// It works on public keys alone, does no I/O, and takes less than making one
// signature. It must not know where a key is used.
package badkeys
