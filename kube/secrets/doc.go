// Package secrets reads the content of Secrets, in the forms in which people paste it:
// key pairs with their chains, CAs and CRLs, the users of basic auth.
//
//	certificate.go  a Secret of type kubernetes.io/tls; keypair.go and chain.go its two texts, pem.go any text of PEM
//	clienttrust.go  whom to trust for client certificates
//	backend.go      what is shown to backends, and what they are verified by
//	users.go        users and the hashes of their passwords
//
// Errors complete a sentence that begins with the Secret's name. The package must not
// depend on which object names a Secret, or for what purpose: package compile knows.
package secrets
