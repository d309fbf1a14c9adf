// Package adopt reads the forms in which other ACME clients keep their certificates
// with the keys, and the keys of their accounts, and writes the gateway's in that of
// autocert.
//
//	autocert.go       reads a folder of autocert.DirCache
//	autocert_file.go  the files of such a folder
//	account.go        the key of an account
//	found.go          what was found, and what could not be used
//
// It must not depend on when a certificate is renewed, or which Ingress asks for it:
// its results are a part of the configuration, and package compile combines them with
// the gateway's own certificates.
package adopt
