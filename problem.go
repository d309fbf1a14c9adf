package gatelodge

import (
	"cmp"
	"fmt"
)

// Object identifies something that a user wrote: a Kubernetes object, or a part of
// the gateway's configuration. File and Line are set if it was read from a file.
type Object struct {
	Kind      string // "Ingress", "Secret", …; "File" for a file without a readable object
	Namespace string
	Name      string
	UID       string // distinguishes an object from a deleted one with the same name
	File      string
	Line      int // line in File where the object starts, counted from 1
}

// String names the object as its author would: "Ingress shop/web (shop.yaml:12)".
func (o Object) String() string {
	name := o.Name
	if o.Namespace != "" {
		name = o.Namespace + "/" + name
	}
	if o.File == "" || o.Kind == "File" {
		return o.Kind + " " + name
	}
	return fmt.Sprintf("%s %s (%s:%d)", o.Kind, name, o.File, o.Line)
}

// Compare orders objects by kind, namespace and name.
func (o Object) Compare(p Object) int {
	return cmp.Or(
		cmp.Compare(o.Kind, p.Kind),
		cmp.Compare(o.Namespace, p.Namespace),
		cmp.Compare(o.Name, p.Name),
		cmp.Compare(o.UID, p.UID),
		cmp.Compare(o.File, p.File),
		cmp.Compare(o.Line, p.Line),
	)
}

// Reason is the class of a Problem, in the form of a Kubernetes Event reason. The
// set is small and fixed, because it labels a metric.
type Reason string

// The reasons. docs/problems.md explains each one, and how to resolve it.
const (
	BadManifest        Reason = "BadManifest"        // a file or document that can't be parsed
	BadConfig          Reason = "BadConfig"          // a configuration that was rejected
	BadHost            Reason = "BadHost"            // a host that is not a valid name
	BadPath            Reason = "BadPath"            // a path that no request can match
	BadAnnotation      Reason = "BadAnnotation"      // an annotation whose value is not valid
	UnknownAnnotation  Reason = "UnknownAnnotation"  // an annotation with our prefix, or ingress-nginx's, that is not supported
	UnknownClass       Reason = "UnknownClass"       // an Ingress with an undefined class
	BadParameters      Reason = "BadParameters"      // invalid parameters of an IngressClass
	HostTaken          Reason = "HostTaken"          // a host that another object owns
	PathTaken          Reason = "PathTaken"          // a path that another object owns
	RuleTaken          Reason = "RuleTaken"          // a rule for a whole host that another object sets
	NameReserved       Reason = "NameReserved"       // a name that no object may claim
	ViewNotAllowed     Reason = "ViewNotAllowed"     // a view that the object's namespace may not use
	NameNotAllowed     Reason = "NameNotAllowed"     // a name outside the domains of its namespace
	BackendMissing     Reason = "BackendMissing"     // a Service, or a port of one, that does not exist
	BackendUnsupported Reason = "BackendUnsupported" // a backend kind that is not supported
	SecretMissing      Reason = "SecretMissing"      // a referenced Secret that does not exist
	BadSecret          Reason = "BadSecret"          // a Secret whose content is not usable
	BadCertificate     Reason = "BadCertificate"     // a certificate that has expired, or is not valid for the host
	BadRecord          Reason = "BadRecord"          // a record of a DNSEndpoint that can't be published
	TooMuch            Reason = "TooMuch"            // more than one object or namespace may request
	NotIssued          Reason = "NotIssued"          // a certificate that the ACME CA did not issue
	BadDelegation      Reason = "BadDelegation"      // a zone that its parent zone does not delegate correctly
	ViewUnannounced    Reason = "ViewUnannounced"    // a view without an address to publish
	WithdrawalHeld     Reason = "WithdrawalHeld"     // hosts that were withdrawn, but are served until the withdrawal is confirmed
	SourceFailed       Reason = "SourceFailed"       // objects that can't be read at present; the last known ones are served
)

// Problem tells the author of an object what is wrong with it. The valid rest of
// the object is served regardless.
type Problem struct {
	Object  Object
	Reason  Reason
	Message string // a sentence, without a full stop: what is wrong, and what was expected
}

// String returns the Problem as one printable line, for logs and the output of
// check, whatever the object's fields contain.
func (p Problem) String() string {
	return Printable(fmt.Sprintf("%s: %s: %s", p.Object, p.Reason, p.Message))
}

// Compare orders problems by object, then reason, then message.
func (p Problem) Compare(q Problem) int {
	return cmp.Or(p.Object.Compare(q.Object), cmp.Compare(p.Reason, q.Reason), cmp.Compare(p.Message, q.Message))
}
