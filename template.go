package gatelodge

import (
	"errors"
	"fmt"
	"strings"
)

// Template is text with values of a request in it, which correspond to nginx's
// variables. It is used for redirect targets, field values and hash keys.
type Template []TemplatePart

// TemplatePart is literal text, or a value of the request.
type TemplatePart struct {
	Text  string // the text if Value is LiteralText; otherwise the name of a field (in lower case), cookie or argument
	Value RequestValue
}

// RequestValue is a value of a request that a Template can contain. The names are
// those of nginx's variables.
type RequestValue uint8

// The values. Those up to RequestQueryMark are already in the form in which a URL
// can contain them.
const (
	LiteralText          RequestValue = iota
	RequestScheme                     // $scheme: "http" or "https"
	RequestHost                       // $host: the name alone
	RequestAuthority                  // $http_host: the name with the port, as the client wrote it
	RequestTarget                     // $request_uri: path and query, as the client wrote them
	RequestPath                       // $uri: the canonical path
	RequestQuery                      // $args: the query without its question mark
	RequestQueryMark                  // $is_args: "?" where there is a query
	RequestMethod                     // $request_method
	RequestProtocol                   // $server_protocol: the version of HTTP
	RequestTargetEscaped              // $escaped_request_uri: as one component of a URI
	RequestUser                       // $remote_user: as the client writes it with basic authentication
	RequestID                         // $request_id: what the backend gets in X-Request-ID
	RequestPort                       // $server_port: the port that the client used
	ClientAddress                     // $remote_addr
	RouteNamespace                    // $namespace: of the Ingress
	RouteIngress                      // $ingress_name
	RouteService                      // $service_name
	RouteServicePort                  // $service_port: as the Ingress names it
	RequestField                      // $http_NAME
	RequestCookie                     // $cookie_NAME
	RequestArgument                   // $arg_NAME: of the query, as it is written there
	SnippetVariable                   // $NAME, which a Snippet sets
	PatternGroup                      // $1 to $9, of the expression that a Snippet matched last
	FutureDate                        // the date in so many seconds, for Expires
)

// valueNames are the names of nginx's variables, indexed by RequestValue; the last
// ones are prefixes.
var valueNames = [...]string{
	RequestScheme: "scheme", RequestHost: "host", RequestAuthority: "http_host", RequestTarget: "request_uri",
	RequestPath: "uri", RequestQuery: "args", RequestQueryMark: "is_args", RequestMethod: "request_method",
	RequestProtocol: "server_protocol", RequestTargetEscaped: "escaped_request_uri", RequestUser: "remote_user",
	RequestID: "request_id", RequestPort: "server_port", ClientAddress: "remote_addr",
	RouteNamespace: "namespace", RouteIngress: "ingress_name", RouteService: "service_name", RouteServicePort: "service_port",
	RequestField: "http_", RequestCookie: "cookie_", RequestArgument: "arg_",
	SnippetVariable: "", PatternGroup: "", FutureDate: "date+",
}

// MaxTemplateParts bounds a Template, because a short one could expand to many
// copies of a large value.
const MaxTemplateParts = 32

// ParseTemplate parses text with variables written as $name or ${name}.
func ParseTemplate(text string) (Template, error) {
	return ParseTemplateWith(text, nil)
}

// ParseTemplateWith also accepts variables for which isSet returns true, and $1 to
// $9. With a nil isSet it accepts neither.
func ParseTemplateWith(text string, isSet func(name string) bool) (Template, error) {
	var t Template
	for text != "" {
		literal, rest, found := strings.Cut(text, "$")
		if literal != "" {
			t = append(t, TemplatePart{Text: literal})
		}
		if !found {
			break
		}
		var name string
		if name, text, found = cutVariable(rest); !found {
			return nil, errors.New("has a $ without the name of a variable behind it, or a ${ that is not closed")
		}
		part, ok := variable(name)
		switch {
		case isSet == nil:
		case len(name) == 1 && '1' <= name[0] && name[0] <= '9':
			part, ok = TemplatePart{Value: PatternGroup, Text: name}, true
		case !ok && isSet(name):
			part, ok = TemplatePart{Value: SnippetVariable, Text: name}, true
		}
		if !ok {
			return nil, fmt.Errorf("holds the variable $%.40s, which is not known", name)
		}
		t = append(t, part)
	}
	if len(t) > MaxTemplateParts {
		return nil, fmt.Errorf("has %d parts, the most is %d", len(t), MaxTemplateParts)
	}
	return t, nil
}

// cutVariable cuts a variable name, optionally in braces, from the start of s.
func cutVariable(s string) (name, rest string, found bool) {
	if inside, ok := strings.CutPrefix(s, "{"); ok {
		return strings.Cut(inside, "}")
	}
	end := strings.IndexFunc(s, func(c rune) bool { return !isNameRune(c) })
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:], end > 0
}

func isNameRune(c rune) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// variable returns the part for a variable of nginx or of ingress-nginx.
func variable(name string) (TemplatePart, bool) {
	switch name {
	case "document_uri":
		return TemplatePart{Value: RequestPath}, true
	case "query_string":
		return TemplatePart{Value: RequestQuery}, true
	case "best_http_host":
		return TemplatePart{Value: RequestAuthority}, true
	case "pass_access_scheme":
		return TemplatePart{Value: RequestScheme}, true
	case "req_id":
		return TemplatePart{Value: RequestID}, true
	case "pass_port", "pass_server_port":
		return TemplatePart{Value: RequestPort}, true
	case "binary_remote_addr", "the_real_ip":
		return TemplatePart{Value: ClientAddress}, true
	case "content_type":
		return TemplatePart{Value: RequestField, Text: "content-type"}, true
	}
	for v := RequestScheme; v < RequestField; v++ {
		if valueNames[v] == name {
			return TemplatePart{Value: v}, true
		}
	}
	for v := RequestField; v <= RequestArgument; v++ {
		if of, ok := strings.CutPrefix(name, valueNames[v]); ok && of != "" {
			if v == RequestField {
				of = strings.ReplaceAll(strings.ToLower(of), "_", "-")
			}
			return TemplatePart{Value: v, Text: of}, true
		}
	}
	return TemplatePart{}, false
}

// Constant returns the text of a template that contains no values of the request.
func (t Template) Constant() (text string, ok bool) {
	switch {
	case len(t) == 0:
		return "", true
	case len(t) == 1 && t[0].Value == LiteralText:
		return t[0].Text, true
	}
	return "", false
}

// String returns the template as its author wrote it.
func (t Template) String() string {
	var b strings.Builder
	for i, part := range t {
		switch {
		case part.Value == LiteralText:
			b.WriteString(part.Text)
		case part.Value >= RequestField:
			name := part.Text
			if part.Value == RequestField {
				name = strings.ReplaceAll(name, "-", "_")
			}
			b.WriteString("${" + valueNames[part.Value] + name + "}")
		case i+1 < len(t) && t[i+1].Value == LiteralText && strings.IndexFunc(t[i+1].Text, isNameRune) == 0:
			b.WriteString("${" + valueNames[part.Value] + "}")
		default:
			b.WriteString("$" + valueNames[part.Value])
		}
	}
	return b.String()
}
