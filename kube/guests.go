package kube

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	gatelodge "gatelodge.dev"
)

// setShareHostWith reads the namespaces that are let in. A mistake in the list
// lets nobody in, because it may be the one name that was meant otherwise.
func setShareHostWith(a *asked, value string) error {
	var guests []string
	for item := range strings.SplitSeq(value, ",") {
		namespace := strings.TrimSpace(item)
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			return fmt.Errorf("holds %.60q, which is no name of a namespace", namespace)
		}
		guests = append(guests, namespace)
	}
	a.guests = guests
	return nil
}

// hospitality is a name, and a namespace that lets others in should the name be
// its own.
type hospitality struct {
	name      gatelodge.Name
	namespace string
}

// letIn takes note of the guests of an Ingress, which counts for the names that
// its namespace turns out to own. Every Ingress is asked before any claim is
// heard, so that its age does not matter: the guest may well be older.
func (c *claims) letIn(in *ingress) {
	if len(in.asked.guests) == 0 {
		return
	}
	for i := range in.asks {
		at := hospitality{in.asks[i].name, in.object.Namespace}
		c.guests[at] = append(c.guests[at], in.asked.guests...)
	}
}
