package syntax

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
)

// AuthURL is the URL of a service that decides about requests.
type AuthURL struct {
	Secure  bool
	OwnHost bool   // it is of the host of the request, as $host says
	Host    string // otherwise a name in its canonical form, or an address
	Port    uint16
	Target  gatelodge.Template // path and query
}

// HostField is the Host field of a request to the URL: as ingress-nginx has it, without
// a port. It is "" for that of the request's own host.
func (u *AuthURL) HostField() string {
	if strings.Contains(u.Host, ":") {
		return "[" + u.Host + "]"
	}
	return u.Host
}

// ReadAuthURL reads the URL of auth-url. Its host is a name, an address or $host
// alone: what else a client says must not choose where the gateway connects to.
func ReadAuthURL(text string) (*AuthURL, error) {
	if len(text) > maxLocation {
		return nil, fmt.Errorf("has %d octets, the most is %d", len(text), maxLocation)
	}
	u := &AuthURL{}
	scheme, rest, _ := strings.Cut(text, "://")
	switch scheme {
	case "http":
		u.Port = 80
	case "https":
		u.Port, u.Secure = 443, true
	case "$scheme", "${scheme}", "$pass_access_scheme":
	default:
		return nil, errors.New("is not a URL of http or https")
	}
	if target, own := cutHostVariable(rest); own {
		u.OwnHost = true
		return u, u.readTarget(target)
	}
	end := strings.IndexAny(rest, "/?$#")
	if end < 0 {
		end = len(rest)
	}
	if err := u.readTarget(rest[end:]); err != nil {
		return nil, err
	}
	return u, u.readHost(rest[:end])
}

// cutHostVariable cuts the variable of the request's host, and the usual ports of a
// URL, from the start of the text.
func cutHostVariable(text string) (rest string, found bool) {
	for _, variable := range []string{"$host", "${host}", "$http_host", "${http_host}", "$best_http_host"} {
		if rest, found = strings.CutPrefix(text, variable); found && (rest == "" || strings.ContainsRune(":/?$", rune(rest[0]))) {
			for _, port := range []string{":443", ":80"} {
				if after, ok := strings.CutPrefix(rest, port); ok && (after == "" || strings.ContainsRune("/?$", rune(after[0]))) {
					return after, true
				}
			}
			return rest, true
		}
	}
	return text, false
}

var errAuthHost = errors.New("has a host that is not a name, an address or $host alone")

func (u *AuthURL) readHost(authority string) error {
	if u.Port == 0 {
		return errors.New("has the scheme of the request and another host, write http or https")
	}
	if strings.Contains(authority, "@") {
		return errors.New("has credentials in it, which are not sent; write them into the ConfigMap of auth-proxy-set-headers")
	}
	parsed, err := url.Parse("//" + authority)
	if err != nil {
		return errAuthHost
	}
	if port := parsed.Port(); port != "" || strings.HasSuffix(authority, ":") {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("has the port %q, which is not one from 1 to 65535", port)
		}
		u.Port = uint16(n)
	}
	u.Host = parsed.Hostname()
	if address, err := netip.ParseAddr(u.Host); err == nil && address.Zone() == "" {
		u.Host = address.Unmap().String()
		return nil
	}
	name, err := ParseName(strings.TrimSuffix(u.Host, "."))
	switch {
	case err != nil || name.IsWildcard():
		return errAuthHost
	case !strings.Contains(string(name), "."):
		return fmt.Errorf("has the host %q, which is not a full name; write that of a Service as %s.NAMESPACE.svc.cluster.local", string(name), string(name))
	}
	u.Host = string(name)
	return nil
}

// readTarget reads what follows the host.
func (u *AuthURL) readTarget(text string) error {
	if text == "" || text[0] == '?' {
		text = "/" + text
	}
	t, err := gatelodge.ParseTemplate(text)
	if err != nil {
		return err
	}
	switch {
	case text[0] == '/':
	case t[0].Value == gatelodge.RequestTarget, t[0].Value == gatelodge.RequestPath:
	default:
		return errAuthHost
	}
	u.Target = t
	if err := checkURLText(t); err != nil {
		return err
	}
	return checkURLPath(t)
}

// checkURLText looks at the literal parts of a URL.
func checkURLText(t gatelodge.Template) error {
	for _, part := range t {
		if strings.ContainsFunc(part.Text, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"<>\^{|}#`+"`", c) }) {
			return errors.New("holds a character that has to be percent-encoded")
		}
	}
	return nil
}

// checkURLPath looks at the path with an example of each value in it.
func checkURLPath(t gatelodge.Template) error {
	var example strings.Builder
	for _, part := range t {
		if part.Value == gatelodge.LiteralText {
			example.WriteString(part.Text)
		} else {
			example.WriteString("/x")
		}
	}
	path, _, _ := strings.Cut(example.String(), "?")
	if canonical, err := gatelodge.CanonicalPath(path); err != nil || strings.Count(canonical, "/") != strings.Count(path, "/") {
		return errors.New("has a path with dot segments, or that no request may have")
	}
	return nil
}

// ReadSignIn reads the URL that a client is sent to, absolute or a path of its own
// host, to which the URL that it asked for is added as a parameter unless it has that
// already.
func ReadSignIn(text, parameter string) (gatelodge.Template, error) {
	if len(text) > maxLocation {
		return nil, fmt.Errorf("has %d octets, the most is %d", len(text), maxLocation)
	}
	path, query, hasQuery := strings.Cut(text, "?")
	if !hasParameter(query, parameter) {
		separator := "?"
		if hasQuery {
			separator = "&"
		}
		text += separator + parameter + "=$pass_access_scheme://$http_host$escaped_request_uri"
	}
	t, err := gatelodge.ParseTemplate(text)
	if err != nil {
		return nil, err
	}
	relative := strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//")
	if scheme, host, _ := strings.Cut(path, "://"); !relative && (host == "" || scheme != "http" && scheme != "https" && scheme != "$scheme" && scheme != "$pass_access_scheme") {
		return nil, errors.New("is not a URL of http or https, or a path")
	}
	return t, checkURLText(t)
}

func hasParameter(query, name string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name && value != "" {
			return true
		}
	}
	return false
}
