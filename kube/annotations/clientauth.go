package annotations

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// clientAuthAsk is what the auth-tls annotations ask for.
type clientAuthAsk struct {
	namespace string // "": that of the Ingress
	Secret    string
	Mode      gatelodge.ClientAuthMode // "": not said
	off       bool
	Depth     int
	Subject   *regexp.Regexp
	ErrorPage string
	Pass      bool
	Broken    bool // a part that decides whom to let in can't be read
}

func clientAuthRows() []row {
	return []row{
		{"auth-tls-secret", "a Secret of the same namespace", setClientAuth(setClientAuthSecret), true,
			"Ask clients for a certificate that a CA in the Secret's `ca.crt` has signed, and that no CRL in its `ca.crl` lists ([certificates.md](certificates.md#client-certificates)).", "A Secret of another namespace is never read."},
		{"auth-tls-verify-client", `"on", "off", "optional" or "optional_no_ca"`, setClientAuth(setClientAuthMode), true,
			"Which clients to refuse: those without a valid certificate (`on`, the default); none; those with an invalid one; those with an invalid one, except for unknown CAs.", ""},
		{"auth-tls-verify-depth", "a number from 0 to 10", setClientAuth(setClientAuthDepth), true,
			"The most certificates between the client's and a CA's, by default 1.", ""},
		{"auth-tls-match-cn", `a regular expression that starts with "CN="`, setClientAuth(setClientAuthSubject), true,
			"What the subject's distinguished name has to match; otherwise the answer is 403.", "Look-ahead and back-references, which RE2 does not have, are a problem."},
		{"auth-tls-error-page", "a URL of http or https", setClientAuthErrorPage, false,
			"Where clients are redirected (302) that are refused for their certificate, instead of 400.", ""},
		{"auth-tls-pass-certificate-to-upstream", `"true" or "false"`, setClientAuthPass, false,
			"Pass the certificate to the backend in `ssl-client-cert`; by default `false`.", ""},
	}
}

// Asks reports whether clients are to be asked for a certificate. Half a rule is
// none: an author of a part of one means all of it.
func (c *clientAuthAsk) Asks() bool {
	return !c.off && (c.Secret != "" || c.Mode != "" || c.Subject != nil || c.Broken)
}

// defaultClientAuthDepth is ingress-nginx's: one CA between a client's
// certificate and an authority.
const defaultClientAuthDepth = 1

// setClientAuth notes that a part of the rule can't be read: then there is
// nothing that the whole host could let clients in by.
func setClientAuth(set func(c *clientAuthAsk, value string) error) func(*Asked, string) error {
	return func(a *Asked, value string) error {
		err := set(&a.ClientAuth, value)
		if err != nil {
			a.ClientAuth.Broken = true
		}
		return err
	}
}

func setClientAuthSecret(c *clientAuthAsk, value string) (err error) {
	c.namespace, c.Secret, err = syntax.ReadSecretReference(value)
	return err
}

func setClientAuthMode(c *clientAuthAsk, value string) error {
	if strings.EqualFold(value, string(gatelodge.ClientAuthOn)) {
		value = string(gatelodge.ClientAuthOn) // as ingress-nginx, which takes all that it can't read for on
	}
	switch mode := gatelodge.ClientAuthMode(value); mode {
	case gatelodge.ClientAuthOn, gatelodge.ClientAuthOptional, gatelodge.ClientAuthOptionalNoCA:
		c.Mode = mode
	case "off":
		c.off = true
	default:
		return errors.New("is not a way to verify clients")
	}
	return nil
}

func setClientAuthDepth(c *clientAuthAsk, value string) error {
	depth, err := strconv.Atoi(value)
	if err != nil || depth < 0 || depth > 10 {
		return errors.New("is not a valid chain depth")
	}
	c.Depth = depth
	return nil
}

// setClientAuthSubject: the expression may match anywhere from the start of an
// attribute on, as ingress-nginx has it, but never within another attribute's
// value, where "O=CN=admin" would pass for an admin.
func setClientAuthSubject(c *clientAuthAsk, value string) error {
	if !strings.HasPrefix(value, "CN=") {
		return errors.New("does not start with CN=")
	}
	// Alone first: a parenthesis too many could close ours.
	if _, err := syntax.CheckExpression(value); err != nil {
		return err
	}
	subject, err := regexp.Compile(`(?:^|[^\\][,+])(?:` + value + `)`)
	if err != nil {
		return errors.New("is too large a regular expression")
	}
	c.Subject = subject
	return nil
}

func setClientAuthErrorPage(a *Asked, value string) error {
	page, err := url.Parse(value)
	if err != nil || page.Scheme != "http" && page.Scheme != "https" || page.Host == "" {
		return errors.New("is not a URL that clients can be sent to")
	}
	a.ClientAuth.ErrorPage = page.String()
	return nil
}

func setClientAuthPass(a *Asked, value string) (err error) {
	a.ClientAuth.Pass, err = syntax.ParseBool(value)
	return err
}

// check looks at the annotations together, once all were read.
func (c *clientAuthAsk) check(a *Asked, tell Report) {
	var problem string
	switch {
	case !c.Asks() || c.Broken:
		return
	case c.Secret == "":
		problem = "the annotations auth-tls-… need auth-tls-secret, the Secret with the authorities in ca.crt"
	case c.namespace != "" && c.namespace != a.namespace:
		problem = fmt.Sprintf("annotation auth-tls-secret names a Secret of namespace %q, expected one of namespace %q", c.namespace, a.namespace)
	default:
		return
	}
	tell(gatelodge.BadAnnotation, "%s", problem)
	c.Broken = true
}
