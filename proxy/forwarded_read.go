package proxy

import (
	"iter"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// forwardedClaims is what proxies in front of the gateway say about a request. The
// caller decides what to trust.
type forwardedClaims struct {
	addresses         iter.Seq[string] // the sender that each proxy saw, from the nearest proxy on
	proto, host, port string           // from the nearest proxy; "" if it sends none
}

// readForwarded reads X-Forwarded-For and related fields, or Forwarded (RFC 7239) if
// there are none. A proxy that writes one kind passes on the other, which the client
// may have written.
//
// Of several values, in one field or more, the nearest proxy wrote the last. A client
// can add others only before it.
func readForwarded(header exchange.Fields) forwardedClaims {
	for i := range header {
		switch header[i].Name {
		case "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port":
			return forwardedClaims{
				addresses: itemsFromRight(header, "x-forwarded-for"),
				proto:     lastItem(header, "x-forwarded-proto"),
				host:      lastItem(header, "x-forwarded-host"),
				port:      lastItem(header, "x-forwarded-port"),
			}
		}
	}
	nearest := lastItem(header, "forwarded")
	return forwardedClaims{
		addresses: func(yield func(string) bool) {
			for element := range itemsFromRight(header, "forwarded") {
				if !yield(parameter(element, "for")) {
					return
				}
			}
		},
		proto: parameter(nearest, "proto"),
		host:  parameter(nearest, "host"),
	}
}

func lastItem(header exchange.Fields, name string) string {
	for item := range itemsFromRight(header, name) {
		return item
	}
	return ""
}

// itemsFromRight yields the items of the comma-separated lists in all fields of the
// name, from the last to the first, without blanks and empty items (RFC 9110 §5.6.1). A
// comma in quotes is not a separator.
func itemsFromRight(header exchange.Fields, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := len(header) - 1; i >= 0; i-- {
			if header[i].Name != name {
				continue
			}
			for rest, more := header[i].Value, true; more; {
				var item string
				item, rest, more = cutLast(rest)
				if item = strings.TrimSpace(item); item != "" && !yield(item) {
					return
				}
			}
		}
	}
}

// cutLast removes the last item of a comma-separated list.
func cutLast(list string) (item, rest string, more bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"' && (i == 0 || list[i-1] != '\\'):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[i+1:], list[:i], true
		}
	}
	return list, "", false
}

// parameter returns the value of a parameter of a Forwarded element (RFC 7239 §4):
// pairs separated by semicolons, with names in any case, and values that may be quoted.
// Escapes in quotes are not decoded, because no valid value has them.
func parameter(element, name string) string {
	for pair := range strings.SplitSeq(element, ";") {
		key, value, found := strings.Cut(strings.TrimSpace(pair), "=")
		if !found || !strings.EqualFold(key, name) {
			continue
		}
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		return value
	}
	return ""
}
