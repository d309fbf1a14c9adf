package http2

import (
	"strings"

	"golang.org/x/net/http2/hpack"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// section is the kind of message part that a block of fields belongs to.
type section uint8

const (
	ofRequest section = iota
	ofResponse
	ofTrailers
)

// block contains the decoded fields of a HEADERS frame and its CONTINUATIONs. All of it
// must be decoded, because the HPACK tables belong to the connection. Mistakes in the
// message are recorded, and handled after its end.
//
// Fields about the message's framing are not in fields but in the other members. All
// strings belong to the decoder and never change.
type block struct {
	of     section
	limit  wire.Bounds
	fields exchange.Fields
	err    error // a *wire.Malformed; the first one

	size    int // as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2)
	count   int
	encoded int // octets of the frames so far
	cookie  int // index of the cookie field, -1 for none
	begun   bool

	method, scheme, authority, path, protocol, status string
	host                                              string
	hosts                                             int
	length                                            int64 // Content-Length, -1 without
	expect                                            string
	expects                                           int
}

// begin starts a new block, whose fields are appended to memory.
func (b *block) begin(of section, limit wire.Bounds, memory exchange.Fields) {
	*b = block{of: of, limit: limit, fields: memory, length: -1, cookie: -1}
}

// add adds a field from the decoder.
func (b *block) add(f hpack.HeaderField) {
	if b.err != nil {
		return
	}
	if b.size += int(f.Size()); b.size > b.limit.Bytes {
		b.err = wire.TooLarge(431, "the head has more than %d bytes", b.limit.Bytes)
	} else if f.Name != "" && f.Name[0] == ':' {
		b.err = b.pseudo(f.Name, f.Value)
	} else {
		b.begun = true
		b.err = b.note(f.Name, f.Value)
	}
}

// pseudo adds a pseudo-header field (RFC 9113 §8.3).
func (b *block) pseudo(name, value string) error {
	var to *string
	switch {
	case b.begun:
		return wire.Badf("%s comes after a field", name)
	case b.of == ofRequest:
		switch name {
		case ":method":
			to = &b.method
		case ":scheme":
			to = &b.scheme
		case ":authority":
			to = &b.authority
		case ":path":
			to = &b.path
		case ":protocol":
			to = &b.protocol
		}
	case b.of == ofResponse && name == ":status":
		to = &b.status
	}
	switch {
	case to == nil:
		return wire.Badf("the pseudo-header field %q has no place here", name[:min(len(name), 64)])
	case *to != "":
		return wire.Badf("%s is there twice", name)
	case value == "":
		return wire.Badf("%s is empty", name)
	}
	*to = value
	return nil
}

// note adds a field (RFC 9113 §8.2).
func (b *block) note(name, value string) error {
	if !isLowerToken(name) {
		return wire.Badf("field %q: expected a name of token characters in lower case", name[:min(len(name), 64)])
	}
	if b.of == ofResponse { // many endpoints' libraries don't check what they send
		value = strings.Trim(value, " \t")
	}
	if !isFieldValue(value) {
		return wire.Badf("field %q: its value has a control character, or a blank at an end", name)
	}
	switch name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return wire.Badf("field %q: HTTP/2 has none that are about the connection", name)
	case "te":
		if !strings.EqualFold(value, "trailers") {
			return wire.Badf("te %q: expected trailers", value)
		}
		if b.of != ofRequest || b.fields.Has("te") {
			return nil
		}
		value = "trailers"
	case "content-length":
		var err error
		b.length, err = wire.ParseLength(value, b.length)
		return err
	case "cookie":
		if b.cookie >= 0 { // RFC 9113 §8.2.3
			if cookies := &b.fields[b.cookie].Value; *cookies == "" || value == "" {
				*cookies += value
			} else {
				*cookies += "; " + value
			}
			return nil
		}
		if b.of == ofRequest {
			b.cookie = len(b.fields)
		}
	case "host":
		if b.of != ofResponse {
			b.host = value
			b.hosts++
			return nil
		}
	case "expect":
		if b.of != ofResponse {
			b.expect = value
			b.expects++
			return nil
		}
	}
	if b.count++; b.count > b.limit.Fields && b.of != ofResponse {
		return wire.TooLarge(431, "there are more than %d fields", b.limit.Fields)
	}
	b.fields = append(b.fields, exchange.Field{Name: name, Value: value})
	return nil
}

// isLowerToken reports whether s is a token without upper-case letters.
func isLowerToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; wire.LowerToken[c] != c || c == 0 {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s is a valid field value.
func isFieldValue(s string) bool {
	if s == "" {
		return true
	}
	if wire.IsBlank(s[0]) || wire.IsBlank(s[len(s)-1]) {
		return false
	}
	if wire.HasControl(s) {
		for i := range len(s) {
			if wire.IsControl(s[i]) { // a tab is allowed
				return false
			}
		}
	}
	return true
}

// request fills an exchange from a request's block (RFC 9113 §8.3.1).
func (b *block) request(x *exchange.Exchange, ended bool) error {
	if b.err != nil {
		return b.err
	}
	if b.method == "" || !wire.IsToken(b.method) {
		return wire.Badf(":method %q: expected a token", b.method)
	}
	x.Method = b.method
	if b.method == "CONNECT" && b.protocol == "" {
		return wire.Statusf(501, "CONNECT is not offered")
	}
	// A proxy that terminated TLS may send https; the listener decides what that means.
	if !strings.EqualFold(b.scheme, "http") && !strings.EqualFold(b.scheme, "https") {
		return wire.Badf(":scheme %q: expected http or https", b.scheme)
	}
	if err := b.target(x); err != nil {
		return err
	}
	x.Length = b.length
	if ended {
		if b.length > 0 {
			return wire.Badf("Content-Length is %d, and there is no body", b.length)
		}
		x.Length = 0
	}
	if b.protocol != "" {
		return b.upgrade(x, ended)
	}
	if b.expects > 0 {
		if err := wire.CheckExpect(b.expect, b.expects); err != nil {
			return err
		}
		x.ExpectsContinue = x.Length != 0
	}
	return nil
}

// target reads :authority or Host, which must agree, and :path.
func (b *block) target(x *exchange.Exchange) error {
	switch {
	case b.hosts > 1:
		return wire.Badf("there are %d Host fields", b.hosts)
	case b.authority == "":
		b.authority = b.host
	case b.hosts > 0 && !strings.EqualFold(b.authority, b.host):
		return wire.Badf(":authority %q is not that of Host, %q", b.authority, b.host)
	}
	if !wire.IsAuthority(b.authority) {
		return wire.Badf(":authority %q: expected a host name or address, and a port if need be", b.authority)
	}
	x.Authority = b.authority
	if err := wire.CheckTarget(b.path); err != nil {
		return err
	}
	return wire.SplitTarget(x, b.path)
}

// upgrade converts an extended CONNECT to the GET of an HTTP/1.1 upgrade (RFC 8441 §4).
func (b *block) upgrade(x *exchange.Exchange, ended bool) error {
	if x.Method != "CONNECT" || ended || b.length >= 0 || !wire.IsProtocol(b.protocol) {
		return wire.Badf(":protocol %q: expected one protocol, in a CONNECT that is a tunnel", b.protocol)
	}
	x.Method, x.Length, x.Upgrade = "GET", 0, strings.ToLower(b.protocol)
	return nil
}
