package gatelodge

import (
	"cmp"
	"fmt"
)

// Object identifies what a user wrote: a Kubernetes object, or a part of the
// gateway's configuration. File and Line are set where it was read from a file.
type Object struct {
	Kind      string // "Ingress", "Secret", …; "File" for a file without a readable object
	Namespace string
	Name      string
	UID       string // distinguishes a deleted object from a new one of the same name
	File      string
	Line      int // where the object starts in File, counted from 1
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

// Reason is the class of a Problem, in the form of a Kubernetes Event reason.
// The set is small and fixed: it labels a metric.
type Reason string

// The reasons. docs/problems.md says what each means and what to do.
const (
	BadManifest        Reason = "BadManifest"        // a file or document that can't be read
	BadConfig          Reason = "BadConfig"          // a configuration that was not accepted
	BadHost            Reason = "BadHost"            // a host that is not a valid name
	BadPath            Reason = "BadPath"            // a path that no request can match
	BadAnnotation      Reason = "BadAnnotation"      // a known annotation that does not parse
	UnknownAnnotation  Reason = "UnknownAnnotation"  // an annotation of ours, or ingress-nginx's, that is not honoured
	UnknownClass       Reason = "UnknownClass"       // an Ingress of a class that is not defined
	BadParameters      Reason = "BadParameters"      // parameters of an IngressClass that can't be used
	HostTaken          Reason = "HostTaken"          // a host granted to another claim
	PathTaken          Reason = "PathTaken"          // a path granted to another claim
	RuleTaken          Reason = "RuleTaken"          // a rule for a whole host that another object decides
	NameReserved       Reason = "NameReserved"       // a name that no object may claim
	ViewNotAllowed     Reason = "ViewNotAllowed"     // a view that is not for the object's namespace
	NameNotAllowed     Reason = "NameNotAllowed"     // a name outside the domains of its namespace
	BackendMissing     Reason = "BackendMissing"     // a Service, or a port of one, that does not exist
	BackendUnsupported Reason = "BackendUnsupported" // a kind of backend that is not served
	SecretMissing      Reason = "SecretMissing"      // a referenced Secret that does not exist
	BadSecret          Reason = "BadSecret"          // a Secret whose content does not serve its purpose
	BadCertificate     Reason = "BadCertificate"     // a certificate out of date, or not for the host
	BadRecord          Reason = "BadRecord"          // a record of a DNSEndpoint that can't be published
	TooMuch            Reason = "TooMuch"            // more than one object, or one namespace, may ask for
	NotIssued          Reason = "NotIssued"          // a certificate that the ACME CA did not issue
	BadDelegation      Reason = "BadDelegation"      // a zone that the servers of the zone above don't lead to as it is
	ViewUnannounced    Reason = "ViewUnannounced"    // a view that has no address to publish
	WithdrawalHeld     Reason = "WithdrawalHeld"     // hosts that were withdrawn, and are served until that is confirmed
	SourceFailed       Reason = "SourceFailed"       // objects that can't be read now; those known before are served
)

// Problem tells the author of an object what is wrong with it. Everything else is
// served regardless.
type Problem struct {
	Object  Object
	Reason  Reason
	Message string // a sentence without a full stop: what is wrong, and what was expected
}

// String is the Problem as one line, for the log and for the output of check,
// whatever the object contains.
func (p Problem) String() string {
	return Printable(fmt.Sprintf("%s: %s: %s", p.Object, p.Reason, p.Message))
}

// Compare orders problems by object, then reason, then message.
func (p Problem) Compare(q Problem) int {
	return cmp.Or(p.Object.Compare(q.Object), cmp.Compare(p.Reason, q.Reason), cmp.Compare(p.Message, q.Message))
}
