package syntax

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	gatelodge "gatelodge.dev"
)

// maxLocation bounds a redirect's text, in octets.
const maxLocation = 8 << 10

// ReadLocation reads an absolute URL in which nginx's variables may stand, as
// $name or ${name}. Nothing in it is nothing asked for.
func ReadLocation(text string) (gatelodge.Template, error) {
	if len(text) > maxLocation {
		return nil, fmt.Errorf("has %d octets, the most is %d", len(text), maxLocation)
	}
	l, err := gatelodge.ParseTemplate(text)
	if err != nil || l == nil {
		return nil, err
	}
	for _, part := range l {
		if part.Value > gatelodge.RequestQueryMark {
			return nil, fmt.Errorf("holds the variable %s, which may have characters that no URL holds", gatelodge.Template{part})
		}
	}
	if err := checkLocation(l); err != nil {
		return nil, err
	}
	return l, nil
}

// checkLocation looks at the URL with an example of each value in it.
func checkLocation(l gatelodge.Template) error {
	examples := map[gatelodge.RequestValue]string{
		gatelodge.RequestScheme: "https", gatelodge.RequestHost: "example.com", gatelodge.RequestAuthority: "example.com",
		gatelodge.RequestTarget: "/path?query", gatelodge.RequestPath: "/path", gatelodge.RequestQuery: "query", gatelodge.RequestQueryMark: "?",
	}
	var example strings.Builder
	for _, part := range l {
		example.WriteString(part.Text + examples[part.Value])
	}
	u, err := url.Parse(example.String())
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is not an absolute URL of http or https")
	case strings.ContainsFunc(example.String(), func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"<>\^{|}`+"`", c) }):
		return errors.New("holds a character that has to be percent-encoded")
	}
	return nil
}

// CheckHealthPath reports whether a path, maybe with a query, can be requested.
func CheckHealthPath(value string) error {
	for i, c := range []byte(value) {
		if c <= ' ' || c > '~' || c == '#' || i == 0 && c != '/' {
			return errors.New("is not a valid path")
		}
	}
	if value == "" {
		return errors.New("is not a valid path")
	}
	return nil
}
