package gatelodge

import (
	"net/netip"
	"time"
)

// Issuing is what the issuer of certificates has to do, and as whom. It acts on
// what is live, like every server.
type Issuing struct {
	Account   Account
	Lacking   string // what the account lacks, so that no certificate can be ordered; "": nothing
	Issuances Map[Name, *Issuance]
	Own       []netip.Addr // where our own DNS servers are, sorted: their Leases tell what they serve
}

// Account says which ACME CA is asked, as whom and for what (RFC 8555 §7.3).
type Account struct {
	Directory  string // URL (RFC 8555 §7.1.1)
	Roots      string // PEM of the CAs by which Directory is certified; "": those of the system
	Email      string // contact; "": none
	BindingID  string // external account binding (RFC 8555 §7.3.4); "": none
	BindingKey string // the HMAC key of the binding, as octets; never printed
	Profile    string // issuance profile; "": the CA's choice
	KeyType    KeyType
}

// KeyType is the kind of key that a certificate is ordered for.
type KeyType string

// The kinds of keys that public CAs accept.
const (
	ECDSAP256 KeyType = "ecdsa-p256"
	ECDSAP384 KeyType = "ecdsa-p384"
	RSA2048   KeyType = "rsa-2048"
	RSA3072   KeyType = "rsa-3072"
	RSA4096   KeyType = "rsa-4096"
)

// Issuance is a certificate that the issuer gets and renews, or that it got and
// nobody asks for any more. It is for one name, so that no name keeps another
// from having its certificate.
type Issuance struct {
	Name        Name            // exact or a wildcard
	Askers      []Object        // whom a failure is told; empty: nobody asks any more
	Challenges  []ChallengeType // in the order in which they are tried
	Secondaries []string        // for DNS-01: name servers of the zone, by name or address, that are not our own
	Certificate *Certificate    // the one in force; nil: none
	RetryAt     time.Time       // after a failure: when to try again; otherwise zero
}
