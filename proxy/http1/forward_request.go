package http1

// writeHead writes the head of the request into the connection's output.
func (f *forward) writeHead() {
	ex, o, host := f.ex, &f.ec.bc.out, f.c.host
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
	if ex.ExpectsContinue {
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
