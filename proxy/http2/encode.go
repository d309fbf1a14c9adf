package http2

import (
	"strconv"

	"gatelodge.dev/proxy/exchange"
)

// Fields are encoded as literals without indexing (RFC 7541 §6.2.2), with the name's
// index in the static table if it has one.

// noTable tells the peer once that the dynamic table stays empty (RFC 7541 §6.3),
// whatever size it allows.
const noTable = 0x20

// Indices in the static table (RFC 7541 Appendix A).
const (
	indexAuthority  = 1
	indexGET        = 2
	indexPOST       = 3
	indexRoot       = 4
	indexPath       = 4
	indexHTTP       = 6
	indexHTTPS      = 7
	indexStatus     = 8
	indexMethod     = 2
	literal         = 0x00
	literalAndNever = 0x10 // proxies on the way must not index it either
)

// appendInt encodes an integer with a prefix of this many bits (RFC 7541 §5.1).
func appendInt(b []byte, first byte, prefix uint, n int) []byte {
	most := 1<<prefix - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func appendString(b []byte, s string) []byte {
	b = appendInt(b, 0, 7, len(s))
	return append(b, s...)
}

func appendIndexed(b []byte, index int) []byte { return appendInt(b, 0x80, 7, index) }

// appendNamed encodes a field whose name has this index in the static table.
func appendNamed(b []byte, index int, value string) []byte {
	b = appendInt(b, literal, 4, index)
	return appendString(b, value)
}

func appendField(b []byte, name, value string) []byte {
	first := byte(literal)
	switch name {
	case "authorization", "cookie", "proxy-authorization", "set-cookie": // RFC 7541 §7.1.3
		first = literalAndNever
	}
	if index := staticName(name); index != 0 {
		b = appendInt(b, first, 4, index)
	} else {
		b = append(b, first)
		b = appendString(b, name)
	}
	return appendString(b, value)
}

func appendFields(b []byte, fields exchange.Fields) []byte {
	for i := range fields {
		b = appendField(b, fields[i].Name, fields[i].Value)
	}
	return b
}

func appendLength(b []byte, length int64) []byte {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], length, 10)
	b = appendInt(b, literal, 4, 28) // content-length
	b = appendInt(b, 0, 7, len(text))
	return append(b, text...)
}

func appendStatus(b []byte, status int) []byte {
	switch status {
	case 200:
		return appendIndexed(b, 8)
	case 204:
		return appendIndexed(b, 9)
	case 206:
		return appendIndexed(b, 10)
	case 304:
		return appendIndexed(b, 11)
	case 400:
		return appendIndexed(b, 12)
	case 404:
		return appendIndexed(b, 13)
	case 500:
		return appendIndexed(b, 14)
	}
	b = appendInt(b, literal, 4, indexStatus)
	return append(b, 3, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10))
}

func appendMethod(b []byte, method string) []byte {
	switch method {
	case "GET":
		return appendIndexed(b, indexGET)
	case "POST":
		return appendIndexed(b, indexPOST)
	}
	return appendNamed(b, indexMethod, method)
}

// staticName returns the index of a name in the static table, 0 if it has none.
func staticName(name string) int {
	switch name {
	case "accept-charset":
		return 15
	case "accept-encoding":
		return 16
	case "accept-language":
		return 17
	case "accept-ranges":
		return 18
	case "accept":
		return 19
	case "access-control-allow-origin":
		return 20
	case "age":
		return 21
	case "allow":
		return 22
	case "authorization":
		return 23
	case "cache-control":
		return 24
	case "content-disposition":
		return 25
	case "content-encoding":
		return 26
	case "content-language":
		return 27
	case "content-length":
		return 28
	case "content-location":
		return 29
	case "content-range":
		return 30
	case "content-type":
		return 31
	case "cookie":
		return 32
	case "date":
		return 33
	case "etag":
		return 34
	case "expect":
		return 35
	case "expires":
		return 36
	case "from":
		return 37
	case "host":
		return 38
	case "if-match":
		return 39
	case "if-modified-since":
		return 40
	case "if-none-match":
		return 41
	case "if-range":
		return 42
	case "if-unmodified-since":
		return 43
	case "last-modified":
		return 44
	case "link":
		return 45
	case "location":
		return 46
	case "max-forwards":
		return 47
	case "proxy-authenticate":
		return 48
	case "proxy-authorization":
		return 49
	case "range":
		return 50
	case "referer":
		return 51
	case "refresh":
		return 52
	case "retry-after":
		return 53
	case "server":
		return 54
	case "set-cookie":
		return 55
	case "strict-transport-security":
		return 56
	case "transfer-encoding":
		return 57
	case "user-agent":
		return 58
	case "vary":
		return 59
	case "via":
		return 60
	case "www-authenticate":
		return 61
	}
	return 0
}
