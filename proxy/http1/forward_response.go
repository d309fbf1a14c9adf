package http1

import (
	"bytes"

	"gatelodge.dev/proxy/wire"
)

// parseResponse parses a whole response head: the status line (RFC 9112 §4) and
// the fields. The rules are the same as for requests: a response that two readers
// understand differently poisons caches.
func parseResponse(h *head, raw []byte, fields int) (status int, err error) {
	end := bytes.IndexByte(raw, '\n')
	line := raw[:end-1]
	known := len(line) >= len("HTTP/1.1 200")
	if known {
		status, known = wire.ParseStatus(view(line[9:12]))
	}
	// The reason may be missing together with the space before it, as many send it.
	if !known || len(line) > 12 && line[12] != ' ' ||
		!bytes.HasPrefix(line, []byte("HTTP/1.")) || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return 0, wire.Badf("status line %q: expected one like HTTP/1.1 200 OK", wire.Abridge(line))
	}
	for _, c := range line[12:] {
		if wire.IsControl(c) {
			return 0, wire.Badf("status line: it has the control character 0x%02x", c)
		}
	}
	if err := h.parse(raw[end+1:], ofResponse, fields); err != nil {
		return 0, err
	}
	if old := line[7] == '0'; old {
		if h.coded {
			return 0, wire.Badf("HTTP/1.0 has no Transfer-Encoding") // RFC 9112 §6.1
		}
		h.close = true // such connections are not worth keeping
	}
	return status, nil
}

// responseBody returns how the body of a response is framed (RFC 9112 §6.3), and
// its length for exchange.Response.Head.
func responseBody(h *head, method string, status int) (framing, int64) {
	switch {
	case method == "HEAD" || wire.Bodyless(status):
		return none, h.length
	case h.chunked:
		return chunked, -1
	case h.length == 0:
		return none, 0
	case h.length > 0:
		return sized, h.length
	}
	return untilClose, -1
}
