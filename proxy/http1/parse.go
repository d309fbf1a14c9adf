package http1

import (
	"bytes"
	"slices"
	"strings"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// parseRequest parses a whole request head into ex (RFC 9112 §3), and into h what
// concerns the connection. fields is the most fields it may have; secure is
// whether it came over TLS.
func parseRequest(ex *exchange.Exchange, h *head, raw []byte, fields int, secure bool) error {
	end := bytes.IndexByte(raw, '\n')
	target, err := requestLine(ex, raw[:end-1])
	if err != nil {
		return err
	}
	if err := h.parse(raw[end+1:], ofRequest, fields); err != nil {
		return err
	}
	ex.Scheme = "http"
	if secure {
		ex.Scheme = "https"
	}
	if err := splitTarget(ex, h, target); err != nil {
		return err
	}
	return requestBodyOf(ex, h)
}

// requestLine parses "METHOD target HTTP/1.1", separated by single spaces.
func requestLine(ex *exchange.Exchange, line []byte) (target string, err error) {
	method, rest, _ := strings.Cut(view(line), " ")
	target, version, found := strings.Cut(rest, " ")
	if !found || !wire.IsToken(method) || target == "" {
		return "", wire.Badf("request line %q: expected method, target and version with one space between them", wire.Abridge(line))
	}
	switch version {
	case "HTTP/1.1":
		ex.Version = exchange.HTTP11
	case "HTTP/1.0":
		ex.Version = exchange.HTTP10
	default:
		if len(version) == 8 && version[:5] == "HTTP/" && wire.IsDigit(version[5]) && version[6] == '.' && wire.IsDigit(version[7]) {
			return "", wire.Statusf(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
		}
		return "", wire.Badf("request line %q: expected a version like HTTP/1.1 at its end", wire.Abridge(line))
	}
	ex.Method = method
	return target, wire.CheckTarget(target)
}

// spareFields is how many fields a handler can add before a pooled request's list
// has to be reallocated.
const spareFields = 16

// requestBodyOf determines how the request's body is framed, and what the request
// asks of the connection.
func requestBodyOf(ex *exchange.Exchange, h *head) error {
	switch {
	case h.chunked && ex.Version == exchange.HTTP10:
		return wire.Badf("HTTP/1.0 has no Transfer-Encoding") // RFC 9112 §6.1
	case h.chunked:
		ex.Length = -1
	default:
		ex.Length = max(h.length, 0)
	}
	h.fields = slices.Grow(h.fields, spareFields)
	ex.Header = h.fields
	if ex.Version == exchange.HTTP10 {
		return nil
	}
	if h.expects > 0 {
		if err := wire.CheckExpect(h.expect, h.expects); err != nil {
			return err
		}
		ex.ExpectsContinue = ex.Length != 0
	}
	// A server may ignore an Upgrade (RFC 9110 §7.8). One to h2c would let requests
	// bypass all policies; one of several protocols is not used in practice. There
	// may be a body, as "docker exec" sends one: the tunnel begins behind its end,
	// which is delimited as in any other request, on both sides.
	if h.upgrading && h.upgrades == 1 && wire.IsProtocol(h.upgrade) && !strings.EqualFold(h.upgrade, "h2c") {
		ex.Upgrade = strings.ToLower(h.upgrade)
	}
	return nil
}
