package gatelodge

import "strings"

// Location is where a client is redirected: text with values of its request.
type Location []LocationPart

// LocationPart is literal text, or a value of the request.
type LocationPart struct {
	Text  string // where Value is LiteralText
	Value RequestValue
}

// RequestValue is a value of a request that a Location can hold. The names are
// those of nginx's variables.
type RequestValue uint8

// The values. All are in the form in which a URL can hold them.
const (
	LiteralText      RequestValue = iota
	RequestScheme                 // $scheme: "http" or "https"
	RequestHost                   // $host: the name alone
	RequestAuthority              // $http_host: the name with the port, as the client wrote it
	RequestTarget                 // $request_uri: path and query, as the client wrote them
	RequestPath                   // $uri: the canonical path
	RequestQuery                  // $args: the query without its question mark
	RequestQueryMark              // $is_args: "?" where there is a query
)

// String is the location as its author writes it.
func (l Location) String() string {
	var b strings.Builder
	for _, part := range l {
		if part.Value == LiteralText {
			b.WriteString(part.Text)
		} else {
			b.WriteString("$" + part.Value.String())
		}
	}
	return b.String()
}

// String is the name of nginx's variable.
func (v RequestValue) String() string {
	return [...]string{"", "scheme", "host", "http_host", "request_uri", "uri", "args", "is_args"}[v]
}

// RequestValueOf returns the value of a name of nginx's, LiteralText for one that
// is not known.
func RequestValueOf(name string) RequestValue {
	if name == "query_string" { // another name of args
		return RequestQuery
	}
	for v := RequestScheme; v <= RequestQueryMark; v++ {
		if v.String() == name {
			return v
		}
	}
	return LiteralText
}
