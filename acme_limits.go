package gatelodge

import "time"

// Rate is a token bucket: Count events at once, and one more each time a Count-th
// of Per has passed. The zero Rate is unlimited.
type Rate struct {
	Count int
	Per   time.Duration
}

// CALimits are the rate limits of a CA. ACME has no way to ask for them, so they
// are configured, or known for the CA's directory.
type CALimits struct {
	Orders     Rate // new orders per account
	Domain     Rate // new certificates for names below one registered domain
	Duplicates Rate // certificates for the same set of names
	Failures   Rate // failed validations of a name
	// CountRenewals makes renewals count as new orders and certificates.
	CountRenewals bool
	// Names is the maximum number of names in a certificate that several hosts
	// share to stay within the limits; 0 and 1 turn sharing off.
	Names int
}
