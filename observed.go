package gatelodge

import (
	"net/netip"
	"time"
)

// NameClaims lists the objects that claim a name, and the decision about each.
type NameClaims struct {
	Owner   Object       // the object that holds the name for its namespace; zero: no object does
	Since   time.Time    // when the namespace got the name; zero: unknown
	Granted []Object     // all objects that may add to the name, Owner first
	Refused []Problem    // one for each object whose claim was refused
	Skipped []PassedOver // Ingresses that use the name but do not belong to this gateway
}

// PassedOver is an object that the gateway ignores, and the reason.
type PassedOver struct {
	Object Object
	Why    string // a sentence, without a full stop
}

// Answer is a view's answer to a DNS question.
type Answer struct {
	Zone    Name     // the zone that contains the name; "": none in this view
	Code    string   // "NOERROR", "NXDOMAIN", …
	Records []Record // of the answer section, in the order of the CNAME chain
	Refers  bool     // the answer is a referral to the name servers of a delegated zone
}

// EndpointState says whether an endpoint works, as far as is known.
type EndpointState struct {
	Address  netip.AddrPort
	Draining bool
	Failing  bool      // its health checks fail
	OutUntil time.Time // until then it is chosen only if all others are out too; zero: it is not out
	Error    string    // of its last failed attempt or check; "": there was none
	ErrorAt  time.Time
}

// Handled is a request that the gateway has answered.
type Handled struct {
	At       time.Time // when it began
	Took     time.Duration
	Status   int    // 499: the client closed the connection first
	Secure   bool   // the client used HTTPS
	Path     string // of its route; "": no route matched
	Endpoint string // the last one tried; "": none
	Reason   string // why the gateway answered itself; "": the endpoint answered
}

// Delegation compares what the parent zone's name servers say about a zone, and
// what the zone's own name servers answer, with what the gateway serves.
type Delegation struct {
	Zone     Name
	Parent   Name      // the parent zone; "": the root, or it was not found
	At       time.Time // when it was checked
	Servers  []Name    // NS records in the parent zone, sorted
	Glue     []Record  // addresses of Servers in the parent zone
	Signed   bool      // the parent zone has a DS record
	Error    string    // why the check failed; "": it did not
	Findings []Finding
}

// Finding is something wrong with a delegation.
type Finding struct {
	Kind FindingKind
	Name Name   // the name it is about; "": the whole zone
	Text string // what is wrong: a sentence, without a full stop
	Do   string // what the operator should do about it
}

// FindingKind is the class of a Finding. The set is small and fixed, because it
// labels a metric.
type FindingKind string

// The classes of findings.
const (
	NotDelegated FindingKind = "missing"  // the parent zone does not delegate the zone
	WrongServers FindingKind = "servers"  // the parent's NS records differ from the zone's
	WrongGlue    FindingKind = "glue"     // glue records are missing or wrong
	UnsignedDS   FindingKind = "ds"       // the parent has a DS record, but the zone is not signed
	LameServer   FindingKind = "lame"     // a listed name server does not answer for the zone
	StaleAnswer  FindingKind = "resolver" // a resolver still has an outdated answer
)
