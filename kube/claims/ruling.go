package claims

import (
	"slices"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// Ruling is the decision about a name that objects claim. It is immutable.
type Ruling struct {
	owner   *intent.Applicant // nil: no namespace has it
	granted []share           // the claims that are granted: those of the owner's namespace first; of each namespace the oldest first
	guests  []string          // namespaces that the owner shares it with
	routed  bool              // a granted claim asks for routes
	guest   bool              // the owner has it because the wildcard's owner shares it
	since   time.Time         // when the owner's namespace got it; zero: now, or unknown

	contested contest             // zero: only one namespace claims the name
	problems  []gatelodge.Problem // of claims that are not granted
}

// contest is the owner of a name that other namespaces ask for as well, or that is
// below the wildcard of another namespace.
type contest struct {
	namespace  string
	againstAge bool // it would not have the name by the age of objects
}

// Namespace returns the owner's namespace, and "" for a name without an owner.
func (r *Ruling) Namespace() string {
	if r == nil || r.owner == nil {
		return ""
	}
	return r.owner.Object.Namespace
}

func (r *Ruling) refuse(s share, reason gatelodge.Reason, format string, args ...any) {
	r.problems = append(r.problems, *intent.Refuse(&s.By.Applicant, reason, format, args...))
}

func (r *Ruling) equal(other *Ruling) bool {
	return r.owner == other.owner && r.routed == other.routed && r.guest == other.guest &&
		r.since.Equal(other.since) && r.contested == other.contested &&
		slices.Equal(r.granted, other.granted) && slices.Equal(r.guests, other.guests) && slices.Equal(r.problems, other.problems)
}

// rulesLike reports whether the names below this one are decided in the same way by
// both rulings.
func (r *Ruling) rulesLike(other *Ruling) bool {
	if r.Namespace() == "" || other.Namespace() == "" {
		return r.Namespace() == other.Namespace()
	}
	return r.owner.Object == other.owner.Object && r.owner.Since.Equal(other.owner.Since) &&
		r.routed == other.routed && r.since.Equal(other.since) && slices.Equal(r.guests, other.guests)
}

// winner formats the object by which the owner's namespace has the name, and the time
// since when, for a claimant that does not get it.
func (r *Ruling) winner(lost share) string {
	text, since := r.owner.Object.String(), r.since
	if r.owner.Compare(&lost.By.Applicant) < 0 {
		text = "the older " + text
	}
	if since.IsZero() {
		since = r.owner.Since
	}
	if since.Year() < 2000 { // by its place in a file, which only orders objects
		return text
	}
	return text + ", which has it since " + since.UTC().Format(time.RFC3339)
}

// askOwner returns how the owner of a host can share it with another namespace.
func (r *Ruling) askOwner(lost share) string {
	if r.owner.Object.Kind != "Ingress" || !lost.Claim.Routed() {
		return ""
	}
	return "; to let others add paths, write gatelodge.dev/share-host-with: " + lost.Namespace() + " there"
}
