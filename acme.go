package gatelodge

import (
	"net/netip"
	"time"
)

// Issuing is what the issuer of certificates has to do, and for which account. It
// acts on the live Snapshot, like every server.
type Issuing struct {
	Account   Account
	Further   []Account     // with other CAs, in the order in which they take over from one that fails
	Patience  time.Duration // for which a CA has to fail before the next takes over; 0: ten minutes
	Announced bool          // a zone publishes which CAs may issue, so all accounts are registered at once
	Lacking   string        // what is missing, so that no certificate can be ordered; "": nothing
	Issuances Map[IssuanceKey, *Issuance]
	Resolvers []netip.AddrPort // that are asked for CAA records; empty: those of the system
	Own       []netip.Addr     // addresses of our own DNS servers, sorted: their Leases say what they serve
}

// Account is an account with an ACME CA (RFC 8555 §7.3), and what is ordered by it.
type Account struct {
	Directory  string // URL (RFC 8555 §7.1.1)
	Roots      string // PEM of the CAs by which Directory is certified; "": those of the system
	Email      string // contact; "": none
	BindingID  string // external account binding (RFC 8555 §7.3.4); "": none
	BindingKey string // the HMAC key of the binding, as octets; never printed
	Profile    string // issuance profile where none is asked for, or the CA lacks that one; "": the CA's choice
	Chain      string // where none is asked for: common name of the issuer to which a chain is to lead (RFC 8555 §7.4.2); "": the CA's choice
	Limits     CALimits
	KeyAge     time.Duration // after which the account gets another key (RFC 8555 §7.3.5); 0: never
	AdoptedKey string        // PEM of the key of an account that another program has registered; "": none; never printed
}

// Issuance is a certificate that the issuer orders and renews, or one that it has
// and that is no longer requested. It is for one name, so that no name can keep
// another from getting its certificate; where limits of the CA would make hosts of a
// namespace wait, several have the same certificate.
type Issuance struct {
	Name        Name            // exact or a wildcard
	Second      bool            // the other certificate for the name has a key of another algorithm
	KeyType     KeyType         // "": ECDSAP256
	Profile     string          // that is asked for; "": that of the account
	Chain       string          // that is asked for, as in Account; "": that of the account
	Askers      []Object        // the objects that request it, and get its problems; empty: it is no longer requested
	Challenges  []ChallengeType // in the order in which they are tried
	Secondaries []string        // for DNS-01: name servers of the zone, by name or address, that are not our own
	Certificate *Certificate    // the one in force; nil: none
	Adopted     bool            // Certificate was found where another program keeps it; the issuer is to keep it too
	Elsewhere   bool            // Certificate is in a Secret of another issuer, which may renew it; it is not kept by this one
	Directory   string          // of the CA that issued Certificate; "": it is not known
	Window      *RenewalWindow  // nil: the CA names none for Certificate; with Elsewhere, the time left to us if its issuer does not renew it
	Ordered     bool            // an order is in progress: placed, and not completed yet
	With        []Name          // the further names that the order in progress is for, each of which has an Issuance
	RetryAt     time.Time       // after a failure: when to try again; otherwise zero
}

// Key returns what tells the issuance apart from others.
func (i *Issuance) Key() IssuanceKey { return IssuanceKey{i.Name, i.Second} }

// RenewalWindow is when a CA wants a certificate to be renewed (RFC 9773 §4.2). It
// may have passed: then the CA wants it at once, for example because it has to
// revoke the certificate. Start is before End.
type RenewalWindow struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}
