package wire

import (
	"fmt"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// Bounds limit a head or a trailer section.
type Bounds struct {
	Bytes  int
	Fields int
}

// CheckFields returns an error for fields that would end their line early. Engines and
// features check that too; this is the last place where request splitting can be
// stopped.
func CheckFields(fields exchange.Fields) error {
	for i := range fields {
		if f := &fields[i]; !IsToken(f.Name) || hasLineBreak(f.Value) {
			return fmt.Errorf("field %q: it can't be written, for its name is not a token or its value has a line break", f.Name)
		}
	}
	return nil
}

// EachElement calls f for each element of a comma-separated list (RFC 9110 §5.6.1).
func EachElement(list string, f func(string)) {
	for list != "" {
		element, rest, _ := strings.Cut(list, ",")
		if element = strings.Trim(element, " \t"); element != "" {
			f(element)
		}
		list = rest
	}
}
