package gatelodge

import (
	"errors"
	"fmt"
	"strings"
)

// MaxNameLength is the maximum length of a Name: 255 octets on the wire (RFC 1035
// §3.1) are 253 characters without the trailing dot.
const MaxNameLength = 253

// Name is a domain name in the one form that the whole program compares:
// lower case, no trailing dot, labels of letters, digits, hyphens and
// underscores, and "*" as a first label that stands for wildcards. The empty
// Name is the DNS root, and as the name of a Host it stands for "any host".
//
// A Name is made by ParseName, or is a constant known to be canonical.
// Everything that compares names may therefore use ==.
type Name string

// ParseName returns the canonical form of s, which may be in any case and end
// in a dot. The error says what is wrong with s and quotes it.
func ParseName(s string) (Name, error) {
	name := strings.TrimSuffix(s, ".")
	if name == "" {
		return "", errors.New("the name is empty")
	}
	if len(name) > MaxNameLength {
		return "", fmt.Errorf("name %.40q… has %d characters, the most is %d", name, len(name), MaxNameLength)
	}
	first := true
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label, first); err != nil {
			return "", fmt.Errorf("name %q: %w", s, err)
		}
		first = false
	}
	return Name(strings.ToLower(name)), nil
}

func checkLabel(label string, first bool) error {
	switch {
	case label == "":
		return errors.New("a label is empty")
	case len(label) > 63: // RFC 1035 §2.3.4
		return fmt.Errorf("label %.20q… has %d characters, the most is 63", label, len(label))
	case label == "*":
		if first {
			return nil
		}
		return errors.New(`"*" is allowed as the first label only`)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("label %q starts or ends with a hyphen", label)
	}
	for _, c := range label {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return fmt.Errorf("label %q contains %q, which is not a letter, digit, hyphen or underscore", label, c)
		}
	}
	return nil
}

// Parent returns the name one label up, and the root for a single label.
func (n Name) Parent() Name {
	_, parent, _ := strings.Cut(string(n), ".")
	return Name(parent)
}

// IsWildcard reports whether the first label is "*".
func (n Name) IsWildcard() bool {
	return n == "*" || strings.HasPrefix(string(n), "*.")
}

// Wildcard returns the wildcard that covers n and its siblings, and the root
// for a name whose parent is the root.
func (n Name) Wildcard() Name {
	parent := n.Parent()
	if parent == "" {
		return ""
	}
	return "*." + parent
}

// Matches reports whether n, an exact name or a wildcard, stands for host. A
// wildcard stands for exactly one label, as in an Ingress rule and in a
// certificate (RFC 6125 §6.4.3), and for itself.
func (n Name) Matches(host Name) bool {
	if n == host {
		return true
	}
	if !n.IsWildcard() {
		return false
	}
	dot := strings.IndexByte(string(host), '.')
	return dot > 0 && n[1:] == host[dot:]
}

// Within reports whether n is zone or a name below it. Every name is within the
// root.
func (n Name) Within(zone Name) bool {
	if zone == "" || n == zone {
		return true
	}
	return len(n) > len(zone) && strings.HasSuffix(string(n), string(zone)) && n[len(n)-len(zone)-1] == '.'
}

// Compare orders names by their labels from the right, so that a name comes
// directly before those below it (RFC 4034 §6.1).
func (n Name) Compare(m Name) int {
	shared := 0 // octets of the labels that both end in, with the dot before them them
	for i := 1; ; i++ {
		if i > len(n) || i > len(m) {
			if n.dotAt(i) && m.dotAt(i) {
				return len(n) - len(m)
			}
			break
		}
		c := n[len(n)-i]
		if c != m[len(m)-i] {
			break
		}
		if c == '.' {
			shared = i
		}
	}
	return strings.Compare(n[:len(n)-shared].last(), m[:len(m)-shared].last())
}

// dotAt reports whether the i-th octet from the right is not one of a label.
func (n Name) dotAt(i int) bool { return i > len(n) || n[len(n)-i] == '.' }

// last returns the last label.
func (n Name) last() string { return string(n[strings.LastIndexByte(string(n), '.')+1:]) }
