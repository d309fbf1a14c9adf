package http1

import (
	"bytes"
)

// parseResponse reads a whole response head: the status line (RFC 9112 §4) and
// the fields. What a backend sends is held to the same rules as what a client
// sends: a response that two readers understand differently poisons caches.
func parseResponse(h *head, raw []byte, fields int) (status int, err error) {
	end := bytes.IndexByte(raw, '\n')
	line := raw[:end-1]
	// The reason may be absent with the space before it, as many send it.
	if len(line) < len("HTTP/1.1 200") || len(line) > 12 && line[12] != ' ' ||
		!bytes.HasPrefix(line, []byte("HTTP/1.")) || line[7] != '0' && line[7] != '1' || line[8] != ' ' ||
		line[9] < '1' || line[9] > '9' || !isDigit(line[10]) || !isDigit(line[11]) {
		return 0, badf("status line %q: expected one like HTTP/1.1 200 OK", abridge(line))
	}
	for _, c := range line[12:] {
		if isControl(c) {
			return 0, badf("status line: it has the control character 0x%02x", c)
		}
	}
	status = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	if err := h.parse(raw[end+1:], ofResponse, fields); err != nil {
		return 0, err
	}
	if old := line[7] == '0'; old {
		if h.coded {
			return 0, badf("HTTP/1.0 has no Transfer-Encoding") // RFC 9112 §6.1
		}
		h.close = true // such connections are not worth keeping
	}
	return status, nil
}

// responseBody works out how the body of a response is framed (RFC 9112 §6.3),
// and its length as exchange.Response.Head wants it.
func responseBody(h *head, method string, status int) (framing, int64) {
	switch {
	case method == "HEAD" || bodyless(status):
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
