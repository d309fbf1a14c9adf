package gatelodge

import "time"

// Rate is how often something is allowed: Count times at once, and then one more
// each time that a Count-th of Per has passed. Zero: without a limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// CALimits is what a CA allows. CAs have no way to say it by ACME, so it is
// configured, or known for the CA's directory.
type CALimits struct {
	Orders     Rate // new orders of an account
	Domain     Rate // new certificates for names of a registered domain
	Duplicates Rate // certificates for the same names
	Failures   Rate // failed validations of a name
	// CountRenewals says that a renewal counts as a new order and certificate, too.
	CountRenewals bool
	// Names is for how many names a certificate is at most that several hosts share so
	// that they need not wait for the limits; 0 and 1: they share none.
	Names int
}
