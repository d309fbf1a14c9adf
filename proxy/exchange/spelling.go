package exchange

import "math/bits"

// Spelling records which letters of a field's name were in upper case when it was read.
// Names are case-insensitive (RFC 9110 §5.1), but some peers depend on the case, so
// HTTP/1.1 keeps it. The zero Spelling is the registered or usual one of the name.
type Spelling uint64

// spelled is set in every Spelling that was read, even if no letter is in upper case.
// Bit i is for the letter at i.
const spelled Spelling = 1 << 63

// maxSpelled is the maximum length of a name whose Spelling is kept.
const maxSpelled = 63

// With records whether the letter at i is in upper case: upper is 1 if it is, otherwise
// 0.
func (s Spelling) With(i int, upper byte) Spelling {
	return s | Spelling(upper)<<(i&maxSpelled)
}

// Of returns the Spelling of a name with length letters, the zero one if the name is
// too long.
func (s Spelling) Of(length int) Spelling {
	if length > maxSpelled {
		return 0
	}
	return s | spelled
}

// AppendName appends a name, which is in lower case, in its Spelling.
func AppendName(b []byte, name string, s Spelling) []byte {
	if s == 0 {
		return appendRegistered(b, name)
	}
	at := len(b)
	b = append(b, name...)
	for upper := uint64(s &^ spelled); upper != 0; upper &= upper - 1 {
		if i := bits.TrailingZeros64(upper); i < len(name) {
			b[at+i] &^= 'a' - 'A'
		}
	}
	return b
}

// appendRegistered appends a name in its registered or usual spelling: mostly with a
// capital letter at the start of each word.
func appendRegistered(b []byte, name string) []byte {
	if written := registered(name); written != "" {
		return append(b, written...)
	}
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper = c == '-'
		b = append(b, c)
	}
	return b
}

// registered returns the spelling of names that do not follow the rule, and "" for all
// others.
func registered(name string) string {
	switch name {
	case "a-im":
		return "A-IM"
	case "alpn":
		return "ALPN"
	case "cdn-cache-control":
		return "CDN-Cache-Control"
	case "cdn-loop":
		return "CDN-Loop"
	case "content-id":
		return "Content-ID"
	case "content-md5":
		return "Content-MD5"
	case "dav":
		return "DAV"
	case "dnt":
		return "DNT"
	case "dpop":
		return "DPoP"
	case "dpop-nonce":
		return "DPoP-Nonce"
	case "etag":
		return "ETag"
	case "im":
		return "IM"
	case "mime-version":
		return "MIME-Version"
	case "nel":
		return "NEL"
	case "odata-entityid":
		return "OData-EntityId"
	case "odata-isolation":
		return "OData-Isolation"
	case "odata-maxversion":
		return "OData-MaxVersion"
	case "odata-version":
		return "OData-Version"
	case "p3p":
		return "P3P"
	case "sec-ch-ua":
		return "Sec-CH-UA"
	case "sec-ch-ua-arch":
		return "Sec-CH-UA-Arch"
	case "sec-ch-ua-full-version-list":
		return "Sec-CH-UA-Full-Version-List"
	case "sec-ch-ua-mobile":
		return "Sec-CH-UA-Mobile"
	case "sec-ch-ua-model":
		return "Sec-CH-UA-Model"
	case "sec-ch-ua-platform":
		return "Sec-CH-UA-Platform"
	case "sec-ch-ua-platform-version":
		return "Sec-CH-UA-Platform-Version"
	case "sec-gpc":
		return "Sec-GPC"
	case "sec-websocket-accept":
		return "Sec-WebSocket-Accept"
	case "sec-websocket-extensions":
		return "Sec-WebSocket-Extensions"
	case "sec-websocket-key":
		return "Sec-WebSocket-Key"
	case "sec-websocket-protocol":
		return "Sec-WebSocket-Protocol"
	case "sec-websocket-version":
		return "Sec-WebSocket-Version"
	case "slug":
		return "SLUG"
	case "soapaction":
		return "SOAPAction"
	case "sourcemap":
		return "SourceMap"
	case "tcn":
		return "TCN"
	case "te":
		return "TE"
	case "ttl":
		return "TTL"
	case "www-authenticate":
		return "WWW-Authenticate"
	case "x-b3-parentspanid":
		return "X-B3-ParentSpanId"
	case "x-b3-spanid":
		return "X-B3-SpanId"
	case "x-b3-traceid":
		return "X-B3-TraceId"
	case "x-csrf-token":
		return "X-CSRF-Token"
	case "x-dns-prefetch-control":
		return "X-DNS-Prefetch-Control"
	case "x-http-method-override":
		return "X-HTTP-Method-Override"
	case "x-real-ip":
		return "X-Real-IP"
	case "x-request-id":
		return "X-Request-ID"
	case "x-ua-compatible":
		return "X-UA-Compatible"
	case "x-xsrf-token":
		return "X-XSRF-Token"
	case "x-xss-protection":
		return "X-XSS-Protection"
	}
	return ""
}
