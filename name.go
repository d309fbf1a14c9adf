package gatelodge

import (
	"errors"
	"fmt"
	"strings"
)

// MaxNameLength is the maximum length of a Name: 255 octets on the wire (RFC 1035
// §3.1) are 253 characters without the trailing dot.
const MaxNameLength = 253

// Name is a domain name in canonical form: lower case, without a trailing dot, with
// labels of letters, digits, hyphens and underscores. A first label "*" makes it a
// wildcard. The empty Name is the DNS root; as the name of a Host it means "any
// host".
//
// A Name comes from ParseName, or is a constant in canonical form, so names can be
// compared with ==.
type Name string

// ParseName returns the canonical form of s, which may be in any case and may end
// in a dot. The error quotes s and says what is wrong with it.
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

// Parent returns the name without its first label; for a single label, the root.
func (n Name) Parent() Name {
	_, parent, _ := strings.Cut(string(n), ".")
	return Name(parent)
}

// IsWildcard reports whether the first label is "*".
func (n Name) IsWildcard() bool {
	return n == "*" || strings.HasPrefix(string(n), "*.")
}

// Wildcard returns the wildcard that covers n and its siblings, or the root if n's
// parent is the root.
func (n Name) Wildcard() Name {
	parent := n.Parent()
	if parent == "" {
		return ""
	}
	return "*." + parent
}

// Matches reports whether n covers host: an exact name covers itself, and a
// wildcard covers names with exactly one label in place of the asterisk, as in an
// Ingress rule and in a certificate (RFC 6125 §6.4.3), and itself.
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

// Within reports whether n is zone or below it. Every name is within the root.
func (n Name) Within(zone Name) bool {
	if zone == "" || n == zone {
		return true
	}
	return len(n) > len(zone) && strings.HasSuffix(string(n), string(zone)) && n[len(n)-len(zone)-1] == '.'
}

// Compare orders names by their labels from right to left, so that a name comes
// directly before the names below it (RFC 4034 §6.1).
func (n Name) Compare(m Name) int {
	shared := 0 // length of the common suffix of whole labels, including the dot in front
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

// dotAt reports whether the i-th byte from the right is a dot, or in front of the name.
func (n Name) dotAt(i int) bool { return i > len(n) || n[len(n)-i] == '.' }

// last returns the last label.
func (n Name) last() string { return string(n[strings.LastIndexByte(string(n), '.')+1:]) }
