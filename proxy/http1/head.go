package http1

import (
	"bytes"
	"strings"
	"unsafe"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// head is a parsed field section of a request, a response or trailers. What is
// about framing or the connection is removed from fields and kept separately.
type head struct {
	fields exchange.Fields // to be forwarded, names in lower case

	host  string // requests only
	hosts int

	length  int64 // Content-Length, -1 if there is none
	coded   bool  // there is a Transfer-Encoding
	chunked bool  // and it is "chunked"

	close     bool // Connection: close
	keepAlive bool // Connection: keep-alive
	upgrading bool // Connection: upgrade
	named     int  // fields that Connection names, which are not forwarded
	upgrade   string
	upgrades  int
	trailers  bool // TE: trailers
	expect    string
	expects   int
	options   []string // the values of Connection
}

func (h *head) reset() {
	clear(h.fields)
	clear(h.options)
	*h = head{fields: h.fields[:0], options: h.options[:0], length: -1}
}

// kind says what a field section belongs to.
type kind uint8

const (
	ofRequest kind = iota
	ofResponse
	ofTrailers
)

// parse parses the field lines of a section, including its empty line. It changes
// the names in text to lower case; the strings it makes point into text.
func (h *head) parse(text []byte, of kind, limit int) error {
	count := 0
	for {
		end := bytes.IndexByte(text, '\n')
		line := text[:end-1] // section made sure that every line ends in CR LF
		if len(line) == 0 {
			break
		}
		text = text[end+1:]
		// The size of a response's head is bounded (section), and their number
		// is not, as by other proxies: an endpoint is no stranger.
		if count++; count > limit && of != ofResponse {
			return wire.TooLarge(431, "there are more than %d fields", limit)
		}
		f, err := splitField(line, of)
		if err != nil {
			return err
		}
		own, err := h.note(f.Name, f.Value, of)
		if err != nil {
			return err
		}
		if !own {
			h.fields = append(h.fields, f)
		}
	}
	if h.named > limit { // each one is searched in all fields
		return wire.TooLarge(431, "Connection names more than %d fields", limit)
	}
	if h.named > 0 {
		h.dropNamed()
	}
	if h.trailers && of == ofRequest {
		h.fields.Add("te", "trailers")
	}
	if h.coded && h.length >= 0 {
		return wire.Badf("there are both Transfer-Encoding and Content-Length") // RFC 9112 §6.3
	}
	return nil
}

// splitField parses "name: value" (RFC 9112 §5). White space before the colon and
// folded lines (obs-fold) are errors, because such names are not tokens.
//
// In a response blanks before the colon are removed, as §5.1 has a proxy do. No
// reader can be led astray by them: what is passed on has none, and a field
// about framing counts here like any other of its name.
func splitField(line []byte, of kind) (f exchange.Field, err error) {
	i := 0
	for i < len(line) && wire.LowerToken[line[i]] != 0 {
		lower := wire.LowerToken[line[i]]
		f.Spelling = f.Spelling.With(i, (line[i]^lower)>>5) // they differ in the bit of 32
		line[i] = lower
		i++
	}
	colon := i
	if of == ofResponse {
		for colon < len(line) && wire.IsBlank(line[colon]) {
			colon++
		}
	}
	if i == 0 || colon == len(line) || line[colon] != ':' {
		return f, wire.Badf("field line %q: expected a name of token characters right before a colon", wire.Abridge(line))
	}
	f.Spelling = f.Spelling.Of(i)
	content := line[colon+1:]
	for len(content) > 0 && wire.IsBlank(content[0]) {
		content = content[1:]
	}
	for len(content) > 0 && wire.IsBlank(content[len(content)-1]) {
		content = content[:len(content)-1]
	}
	if wire.HasControl(view(content)) {
		for _, c := range content {
			if wire.IsControl(c) { // a tab is not
				return f, wire.Badf("field %q: its value has the control character 0x%02x", line[:i], c)
			}
		}
	}
	f.Name, f.Value = view(line[:i]), view(content)
	return f, nil
}

// note handles a field that concerns this engine, and reports whether it must not
// be forwarded (RFC 9110 §7.6.1).
func (h *head) note(name, value string, of kind) (own bool, err error) {
	switch name {
	case "content-length":
		h.length, err = wire.ParseLength(value, h.length)
		return true, err
	case "transfer-encoding":
		return true, h.noteCoding(value)
	case "connection":
		h.noteConnection(value)
		return true, nil
	case "keep-alive", "proxy-connection":
		return true, nil
	case "upgrade":
		h.upgrade = value
		h.upgrades++
		return true, nil
	case "te":
		wire.EachElement(value, func(element string) { h.trailers = h.trailers || strings.EqualFold(element, "trailers") })
		return true, nil
	}
	if of == ofResponse {
		return false, nil
	}
	switch name {
	case "host":
		h.host = value
		h.hosts++
		return true, nil
	case "expect":
		h.expect = value
		h.expects++
		return true, nil
	}
	return false, nil
}

// noteCoding parses a Transfer-Encoding. Only "chunked" is supported; it would have
// to come last in any case, or the end of the message could not be known (RFC 9112
// §6.1, §6.3).
func (h *head) noteCoding(value string) error {
	if h.coded {
		return wire.Badf("there are two Transfer-Encodings")
	}
	h.coded = true
	if strings.EqualFold(value, "chunked") {
		h.chunked = true
		return nil
	}
	before, last, several := cutLast(value)
	if !several || !strings.EqualFold(last, "chunked") {
		return wire.Badf("Transfer-Encoding %q: expected chunked as the last coding", value)
	}
	again := false
	wire.EachElement(before, func(element string) { again = again || strings.EqualFold(element, "chunked") })
	if again {
		return wire.Badf("Transfer-Encoding %q: chunked may be there only once", value)
	}
	return wire.Statusf(501, "Transfer-Encoding %s: only chunked is understood", value)
}

func (h *head) noteConnection(value string) {
	h.options = append(h.options, value)
	wire.EachElement(value, func(option string) {
		switch {
		case strings.EqualFold(option, "close"):
			h.close = true
		case strings.EqualFold(option, "keep-alive"):
			h.keepAlive = true
		case strings.EqualFold(option, "upgrade"):
			h.upgrading = true
		case strings.EqualFold(option, "te"):
		default:
			h.named++
		}
	})
}

// dropNamed removes the fields that Connection names (RFC 9110 §7.6.1).
func (h *head) dropNamed() {
	for _, value := range h.options {
		wire.EachElement(value, func(option string) { h.fields.Del(strings.ToLower(option)) })
	}
}

// cutLast splits a list before its last element.
func cutLast(list string) (before, last string, several bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], strings.Trim(list[i+1:], " \t"), true
}

// view returns b as a string without a copy: it is valid as long as b is unchanged.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
