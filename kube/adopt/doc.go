// Package adopt knows the forms in which other ACME clients keep their certificates,
// with the keys, and the keys of their accounts: it reads these, and returns what the
// gateway has in that of autocert.
//
//	autocert.go       reads a folder of autocert.DirCache
//	autocert_file.go  the files of such a folder
//	account.go        the key of an account
//	found.go          what was found, and what could not be used
//
// It must not know when a certificate is renewed, nor who asks for it: what it finds
// is a part of the configuration, and package compile puts it beside what the gateway
// keeps itself.
package adopt
