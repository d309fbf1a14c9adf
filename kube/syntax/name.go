package syntax

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"

	gatelodge "gatelodge.dev"
)

// ParseName is gatelodge.ParseName for what an author wrote. Its error for a name
// with characters beyond ASCII gives the form to write. Nothing is mapped for the
// author: the name stands in certificates and in the DNS in that form alone, and
// has to be found there.
func ParseName(text string) (gatelodge.Name, error) {
	name, err := gatelodge.ParseName(text)
	if err != nil {
		if instead := WriteInstead(text); instead != "" {
			return "", fmt.Errorf("name %.100q is not a valid DNS name%s", text, instead)
		}
	}
	return name, err
}

// WriteInstead completes the message about a name that can't be read. It gives the
// form that the DNS has for a name with characters beyond ASCII (RFC 5891 §4.4),
// mapped as browsers do (UTS #46), and is empty for all others.
func WriteInstead(text string) string {
	text = strings.TrimSpace(text)
	if strings.IndexFunc(text, func(c rune) bool { return c > '~' }) < 0 || len(text) > 4*gatelodge.MaxNameLength {
		return ""
	}
	profile := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false)) // with wildcards and underscores
	ascii, err := profile.ToASCII(text)
	if err != nil {
		return ""
	}
	name, err := gatelodge.ParseName(ascii)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(", write %q", string(name))
}
