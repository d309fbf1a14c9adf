// Package adopt reads what other ACME clients keep in files: their certificates, with
// the keys, and the keys of their accounts.
//
//	autocert.go  a folder of autocert.DirCache
//	account.go   the key of an account
//	found.go     what was found, and what could not be used
//
// It must not know when a certificate is renewed, nor who asks for it: what it finds
// is a part of the configuration, and package compile puts it beside what the gateway
// keeps itself.
package adopt
