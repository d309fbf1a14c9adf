package http1

import (
	"fmt"

	"gatelodge.dev/proxy/exchange"
)

// writeHead writes the head of the request into the connection's output.
func (f *forward) writeHead() {
	ex, o, host := f.ex, &f.ec.s.out, f.c.host
	if ex.Authority != "" {
		host = ex.Authority
	}
	b := append(o.b, ex.Method...)
	b = append(b, ' ')
	b = append(b, ex.Path...)
	b = append(b, ex.Query...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	b = append(b, "\r\n"...)
	b = appendFields(b, ex.Header)
	switch {
	case ex.Length > 0:
		b = appendLength(b, ex.Length)
	case ex.Length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case ex.Method == "POST" || ex.Method == "PUT" || ex.Method == "PATCH":
		b = appendLength(b, 0) // RFC 9110 §8.6
	}
	if ex.Waits {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	switch {
	case ex.Upgrade != "":
		b = append(b, "Connection: Upgrade\r\n"...)
		b = appendField(b, "upgrade", ex.Upgrade)
		b = f.offerWebSocket(b)
	case ex.Header.Has("te"):
		b = append(b, "Connection: TE\r\n"...) // RFC 9110 §10.1.4
	}
	o.b = append(b, "\r\n"...)
}

// checkRequest fails for a request that would not be read as the one that it
// is. Other engines are to see to that, but here a request split in two would
// reach a backend.
func checkRequest(ex *exchange.Exchange) error {
	switch {
	case !isToken(ex.Method):
		return fmt.Errorf("method %q is no token", ex.Method)
	case ex.Path == "" || ex.Path[0] != '/' && ex.Path != "*" || !isVisible(ex.Path) || !isVisible(ex.Query):
		return fmt.Errorf("path %q or query %q can't be written in a request line", ex.Path, ex.Query)
	case !isVisible(ex.Authority):
		return fmt.Errorf("authority %q can't be written in a field", ex.Authority)
	case ex.Upgrade != "" && !isProtocol(ex.Upgrade):
		return fmt.Errorf("protocol %q can't be asked for", ex.Upgrade)
	}
	return checkFields(ex.Header)
}

// isVisible tells whether s has neither spaces nor control characters.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
