package gatelodge

import (
	"net/netip"
	"time"
)

// Issuing is the work of the certificate issuer, and the accounts it uses. The
// issuer acts on the live Snapshot, like every server.
type Issuing struct {
	Account   Account
	Fallbacks []Account     // accounts with other CAs, in the order in which they take over from a failing one
	Patience  time.Duration // how long a CA must keep failing before the next takes over; 0: ten minutes
	Announced bool          // zones publish something for each account, so all accounts are registered at once
	Lacking   string        // what is missing, if no certificate can be ordered; "": nothing
	Issuances Map[IssuanceKey, *Issuance]
	Resolvers []netip.AddrPort // asked for CAA records; empty: the system's resolvers
	Own       []netip.Addr     // addresses of this gateway's DNS servers, sorted: their Leases say what they serve
}

// Accounts lists the accounts, the preferred one first.
func (i *Issuing) Accounts() []Account { return append([]Account{i.Account}, i.Fallbacks...) }

// Account is an account with an ACME CA (RFC 8555 §7.3) and the defaults of its orders.
type Account struct {
	Directory  string // URL (RFC 8555 §7.1.1)
	Roots      string // PEM roots that verify the TLS certificate of Directory; "": the system's
	Email      string // contact; "": none
	BindingID  string // external account binding (RFC 8555 §7.3.4); "": none
	BindingKey string // the HMAC key of the binding, as octets; never printed
	Profile    string // issuance profile if none is requested, or the CA lacks the requested one; "": the CA's choice
	Chain      string // common name of the issuer at the top of the preferred chain (RFC 8555 §7.4.2), if none is requested; "": the CA's choice
	Limits     CALimits
	KeyAge     time.Duration // when the account key is rolled over (RFC 8555 §7.3.5); 0: never
	Persistent bool          // names of our zones are validated by dns-persist-01 (draft-ietf-acme-dns-persist) where the CA offers it
	AdoptedKey string        // PEM account key that another program registered; "": none; never printed
}

// Issuance is a certificate that the issuer orders and renews, or one that it still
// holds although nothing requests it any more. It is for one name, so that no name
// can keep another from getting its certificate. Where the CA's limits would make
// the hosts of a namespace wait, several Issuances share one certificate.
type Issuance struct {
	Name        Name            // exact or a wildcard
	Second      bool            // this is the name's second certificate, with a key of another algorithm
	KeyType     KeyType         // "": ECDSAP256
	Profile     string          // requested issuance profile; "": the account's
	Chain       string          // requested chain, as in Account; "": the account's
	Askers      []Object        // objects that request it and get its Problems; empty: no longer requested
	Challenges  []ChallengeType // in the order in which they are tried
	Secondaries []string        // for DNS-01: other name servers of the zone, by name or address
	Certificate *Certificate    // the certificate in use; nil: none
	Adopted     bool            // Certificate was found in another program's files; the issuer still has to store it
	Elsewhere   bool            // Certificate is in a Secret of another issuer, which may renew it; this issuer does not store it
	Late        bool            // with Elsewhere: that issuer has until Window to renew it; the CA is not asked for a window
	Directory   string          // of the CA that issued Certificate; "": unknown
	Window      *RenewalWindow  // when to renew Certificate: suggested by its CA, or with Late after the other issuer's time; nil: neither
	Ordered     bool            // an order was placed and is not finished
	With        []Name          // the other names in the order in progress, each of which has its own Issuance
	RetryAt     time.Time       // when to try again after a failure; zero: there was none
}

// Key identifies the issuance among all others.
func (i *Issuance) Key() IssuanceKey { return IssuanceKey{i.Name, i.Second} }

// RenewalWindow is the period in which a CA wants a certificate renewed (RFC 9773
// §4.2). Start is before End. A window in the past means at once, for example
// because the CA has to revoke the certificate.
type RenewalWindow struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}
