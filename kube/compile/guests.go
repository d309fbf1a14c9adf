package compile

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// hospitality is a name, and a namespace that lets others in should the name be
// its own.
type hospitality struct {
	name      gatelodge.Name
	namespace string
}

// letIn takes note of the guests of an Ingress, which counts for the names that
// its namespace turns out to own. Every Ingress is asked before any claim is
// heard, so that its age does not matter: the guest may well be older.
func (c *claims) letIn(in *intent.Ingress) {
	if len(in.Asked.Guests) == 0 {
		return
	}
	for i := range in.Asks {
		at := hospitality{in.Asks[i].Name, in.Object.Namespace}
		c.guests[at] = append(c.guests[at], in.Asked.Guests...)
	}
}
