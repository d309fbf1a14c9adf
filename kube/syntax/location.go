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
func ReadLocation(text string) (gatelodge.Location, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxLocation {
		return nil, fmt.Errorf("has %d octets, the most is %d", len(text), maxLocation)
	}
	var l gatelodge.Location
	for rest := text; rest != ""; {
		literal, after, found := strings.Cut(rest, "$")
		if literal != "" {
			l = append(l, gatelodge.LocationPart{Text: literal})
		}
		if !found {
			break
		}
		name, braced := after, strings.HasPrefix(after, "{")
		if braced {
			name, rest, found = strings.Cut(after[1:], "}")
		} else {
			end := strings.IndexFunc(after, func(c rune) bool {
				return c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
			})
			if end < 0 {
				end = len(after)
			}
			name, rest = after[:end], after[end:]
		}
		value := gatelodge.RequestValueOf(name)
		if !found || value == gatelodge.LiteralText {
			return nil, fmt.Errorf("holds the variable $%.40s, which is not known", name)
		}
		l = append(l, gatelodge.LocationPart{Value: value})
	}
	if err := checkLocation(l); err != nil {
		return nil, err
	}
	return l, nil
}

// checkLocation looks at the URL with an example of each value in it.
func checkLocation(l gatelodge.Location) error {
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
