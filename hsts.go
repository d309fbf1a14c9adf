package gatelodge

import (
	"errors"
	"fmt"
	"strings"
)

// CheckHSTS returns an error if browsers would ignore value as a
// Strict-Transport-Security field (RFC 6797 §6.1). They drop the whole field for
// one mistake, so the mistake would go unnoticed.
func CheckHSTS(value string) error {
	seen := make(map[string]bool)
	for part := range strings.SplitSeq(value, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue // directives may be empty
		}
		name, argument, hasArgument := strings.Cut(part, "=")
		name, argument = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(argument)
		switch {
		case seen[name]:
			return fmt.Errorf("has %.40q twice", name)
		case name == "max-age":
			if !isSeconds(argument) {
				return fmt.Errorf("has max-age %.40q, which is not a number of seconds", argument)
			}
		case name != "includesubdomains" && name != "preload":
			return fmt.Errorf("has the directive %.40q, which browsers do not know", name)
		case hasArgument:
			return fmt.Errorf("has a value for %s, which takes none", name)
		}
		seen[name] = true
	}
	if !seen["max-age"] {
		return errors.New("has no max-age")
	}
	return nil
}

// isSeconds limits the number to ten digits (317 years), which every browser can represent.
func isSeconds(s string) bool {
	return s != "" && len(s) <= 10 && strings.Trim(s, "0123456789") == ""
}
