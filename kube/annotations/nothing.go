package annotations

import "strconv"

// asksForNothing reports whether an annotation has a value by which it asks for
// nothing, in ingress-nginx too: none at all, or what turns off something that is
// not there without it.
func asksForNothing(name, value string) bool {
	if value == "" {
		return true
	}
	switch name {
	case "enable-modsecurity", "enable-owasp-core-rules":
		on, err := strconv.ParseBool(value)
		return err == nil && !on
	case "enable-global-auth": // there is no auth-url for a whole gateway
		_, err := strconv.ParseBool(value)
		return err == nil
	case "satisfy":
		return value == "all"
	}
	return false
}
