package annotations

import (
	"errors"
	"slices"
	"strings"

	"gatelodge.dev/kube/syntax"
)

// ShortNames says whether hosts are served by their short names as well (see
// gatelodge.Levels), and how.
type ShortNames uint8

const (
	ShortUnset      ShortNames = iota // as the Namespace says
	NoShortNames                      // short-names: "false"
	ShortAlike                        // "true": with what the long name has
	ShortRedirected                   // "redirect": to the long name
)

func setShortNames(a *Asked, value string) error {
	if value == "redirect" {
		a.ShortNames = ShortRedirected
		return nil
	}
	on, err := syntax.ParseBool(value)
	if err != nil {
		return errors.New("is neither true, false nor redirect")
	}
	if a.ShortNames = NoShortNames; on {
		a.ShortNames = ShortAlike
	}
	return nil
}

func setContact(a *Asked, value string) error {
	if _, ok := syntax.Mailbox(value); !ok {
		return errors.New("is not a valid email address")
	}
	a.Contact = value
	return nil
}

// Tenant is what a Namespace says of the names of its objects, where those don't
// say otherwise. The zero Tenant is that of a Namespace that says nothing.
type Tenant struct {
	ShortNames ShortNames
	Contact    string
	Views      string // names separated by commas
}

// ReadTenant reads it from the annotations of a Namespace.
func ReadTenant(annotations map[string]string, tell Report) Tenant {
	var a Asked
	for _, name := range ofTenant() {
		if value, ok := annotations[OwnPrefix+name]; ok {
			a.honour(OwnPrefix+name, name, value, tell)
		}
	}
	return Tenant{a.ShortNames, a.Contact, strings.Join(a.Views, ",")}
}

// ofTenant lists the annotations that a Namespace may have as well as an Ingress.
func ofTenant() []string { return []string{"contact", "short-names", "views"} }

func isOfTenant(key string) bool {
	name, own := strings.CutPrefix(key, OwnPrefix)
	return own && slices.Contains(ofTenant(), name)
}
