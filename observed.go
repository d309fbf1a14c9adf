package gatelodge

import (
	"net/netip"
	"time"
)

// NameClaims is who asks for a name, and what became of that.
type NameClaims struct {
	Owner   Object       // by which a namespace has the name; zero: none has it
	Since   time.Time    // when the namespace got it; zero: that is not known
	Granted []Object     // all that may add to the name, Owner first
	Refused []Problem    // of objects that ask for the name and don't get it
	Skipped []PassedOver // Ingresses that have the name in a rule, and that are not this gateway's
}

// PassedOver is an object that the gateway does not read, and why.
type PassedOver struct {
	Object Object
	Why    string // a sentence without a full stop
}

// Answer is what a view answers to a question.
type Answer struct {
	Zone    Name     // that holds the name; "": none of the view does
	Code    string   // "NOERROR", "NXDOMAIN", …
	Records []Record // of the answer section, in the order of the chain
	Refers  bool     // to the servers of a zone below
}

// EndpointState is what is known of whether an endpoint works.
type EndpointState struct {
	Address  netip.AddrPort
	Draining bool
	Failing  bool      // its health checks
	OutUntil time.Time // it is chosen only where all others are out, too; zero: it is not out
	Error    string    // of its last try or check that failed; "": none did
	ErrorAt  time.Time
}

// Handled is a request that was answered.
type Handled struct {
	At       time.Time // it began
	Took     time.Duration
	Status   int    // 499: the client left before
	Secure   bool   // the client used HTTPS
	Path     string // of its route; "": it had none
	Endpoint string // that was tried last; "": none was
	Reason   string // why the gateway answered itself; "": the endpoint did
}

// Delegation is what the servers of the zone above say of a zone, and what its own
// servers answer, compared with what is served.
type Delegation struct {
	Zone     Name
	Parent   Name      // the zone above; "": the root, or it was not found
	At       time.Time // of the check
	Servers  []Name    // the NS records that the zone above has, sorted
	Glue     []Record  // addresses of those that the zone above has
	Signed   bool      // the zone above has a DS record
	Error    string    // why nothing could be found out; "": it was
	Findings []Finding
}

// Finding is something that is wrong with a delegation.
type Finding struct {
	Kind FindingKind
	Name Name   // that it is about; "": all of the zone
	Text string // a sentence without a full stop: what is wrong
	Do   string // what to do about it
}

// FindingKind is the class of a Finding. The set is small and fixed: it labels a
// metric.
type FindingKind string

// The kinds of findings.
const (
	NotDelegated FindingKind = "missing"  // the zone above does not have the zone
	WrongServers FindingKind = "servers"  // its NS records are others than those of the zone
	WrongGlue    FindingKind = "glue"     // addresses of name servers are missing, or others
	UnsignedDS   FindingKind = "ds"       // there is a DS record, and the zone is not signed
	LameServer   FindingKind = "lame"     // a server does not answer for the zone
	StaleAnswer  FindingKind = "resolver" // a resolver still has an answer of before
)
