package explain

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// policies describes what is done with a request, in order.
func (t *timeline) policies() *Step {
	if t.route == nil || t.host.Passthrough != nil && t.Scheme == "https" {
		return nil
	}
	s := &Step{Kind: Policies, Title: "Policies", State: OK}
	p := t.route.Policy
	var names []string
	for _, name := range t.Proxy.Policies(t.route) {
		text, special := t.policyText(name, p)
		if !special {
			text = "as configured"
		}
		if text == "" {
			continue // it applies to every route, and does nothing here
		}
		names = append(names, name)
		s.add(Info, name, text)
	}
	s.Text = list(names)
	if len(names) == 0 {
		s.Text = "none"
	}
	if written := strings.TrimSpace(p.String()); written != "" {
		s.add(Info, "as compiled", written)
	}
	ofAuth := t.take(nil, gatelodge.SecretMissing, gatelodge.BadSecret)
	asked := t.take(func(p gatelodge.Problem) bool { return p.Object == t.route.Object }, gatelodge.BadAnnotation, gatelodge.UnknownAnnotation)
	if p.Unavailable != "" {
		text, do := "every request is answered with 503, because a protection can't be applied: "+p.Unavailable, "correct what the annotation refers to; until then the routes answer 503"
		for _, problem := range slices.Concat(ofAuth, asked) {
			text, do = fmt.Sprintf("%s (%s: %s)", text, problem.Object, problem.Message), advice[problem.Reason]
			break
		}
		s.worse(Broken, text, do)
	}
	if c := t.host.ClientAuth; c != nil && c.Unavailable != "" && !p.AnyClientCertificate {
		s.worse(Broken, "every request is answered with 503, because client certificates can't be checked: "+c.Unavailable, "correct the Secret that auth-tls-secret names")
	}
	t.judgeClient(s)
	t.refusals(s)
	s.tell(Warning, ofAuth)
	s.tell(Warning, asked)
	return s
}

// judgeClient adds whether the address lists let the client in.
func (t *timeline) judgeClient(s *Step) {
	p := t.route.Policy
	switch {
	case !t.Client.IsValid():
	case p.DenyFrom.Contains(t.Client):
		s.worse(Broken, fmt.Sprintf("client %s is refused (403): its address is in denylist-source-range", t.Client), "take the address out of the list")
	case p.AllowFrom != nil && !p.AllowFrom.Contains(t.Client):
		s.worse(Broken, fmt.Sprintf("client %s is refused (403): its address is not in whitelist-source-range (%s)", t.Client, p.AllowFrom),
			"add the address to the list; behind a proxy that is not in trust.forwarded every client has the address of the proxy")
	}
}

// refusals adds the last requests that the gateway refused.
func (t *timeline) refusals(s *Step) {
	for _, r := range t.requests {
		if r.Path != t.route.Path || r.Reason == "" || r.Endpoint != "" {
			continue
		}
		for _, kind := range refusalKinds {
			if r.Status == kind.status && strings.Contains(r.Reason, kind.reason) {
				s.worse(Warning, fmt.Sprintf("a request at %s was refused with %d: %s", stamp(r.At), r.Status, r.Reason), kind.do)
				return
			}
		}
	}
}

// refusalKinds contains what to do about refused requests, by the text of their
// reasons.
var refusalKinds = []struct {
	status     int
	reason, do string
}{
	{403, "source-range", "add the client's address to the list; behind a proxy that is not in trust.forwarded every client has the address of the proxy"},
	{401, "no credentials", "send a user and a password, or remove the annotations auth-type and auth-secret"},
	{401, "wrong credentials", "use a user and a password that the Secret of auth-secret has"},
	{401, "external auth", "sign in where auth-url says, or see why that service answers 401"},
	{403, "external auth", "see why the service of auth-url answers 403"},
	{500, "external auth", "see why the service of auth-url does not answer as it should"},
	{429, "", "send fewer requests, or raise the limit of the annotation"},
	{413, "", "send less, or raise the annotation proxy-body-size"},
	{403, "client certificate", "send a certificate that the authorities of auth-tls-secret have issued"},
	{400, "certificate", "send a certificate that the authorities of auth-tls-secret have issued"},
	{400, "read in several ways", "write the path without characters that are read in several ways"},
}

// policyText describes a policy. It is "" for a policy of every route that does nothing
// on this one.
func (t *timeline) policyText(name string, p *gatelodge.Policy) (text string, special bool) {
	host := t.host
	switch name {
	case "body size":
		if p.BodyBytes == nil {
			return "", true
		}
		return fmt.Sprintf("at most %d bytes in the body of a request (0: any)", *p.BodyBytes), true
	case "client certificate":
		if host.ClientAuth == nil || p.AnyClientCertificate {
			return "", true
		}
		return host.ClientAuth.String(), true
	case "hsts":
		value := t.Snapshot.Settings.HSTS
		if p.HSTS != nil {
			value = *p.HSTS
		}
		return value, true
	case "redirect to HTTPS":
		return map[gatelodge.Redirect]string{
			gatelodge.RedirectAuto: "of http, where the host has a certificate", gatelodge.RedirectAlways: "of http, always",
		}[p.Redirect], true
	case "redirect":
		if p.RedirectTo != nil {
			return fmt.Sprintf("%d to %s", p.RedirectTo.Status, p.RedirectTo.Location), true
		}
	case "client address":
		return fmt.Sprintf("allowed %s, denied %s", networks(p.AllowFrom, "all"), networks(p.DenyFrom, "none")), true
	case "client limits":
		if p.ClientLimits != nil {
			return strings.TrimSpace(p.ClientLimits.String()), true
		}
	case "password":
		if p.BasicAuth != nil {
			return fmt.Sprintf("one of %d users of %q", len(p.BasicAuth.Users), p.BasicAuth.Realm), true
		}
	case "external auth":
		if p.ExternalAuth != nil {
			return strings.TrimSpace(p.ExternalAuth.String()), true
		}
	case "rewrite":
		if p.Rewrite != nil {
			return fmt.Sprintf("to %s", p.Rewrite), true
		}
	case "cors":
		if p.CORS != nil {
			return strings.TrimSpace(p.CORS.String()), true
		}
	}
	return "", false
}

func networks(n gatelodge.Networks, none string) string {
	if n == nil {
		return none
	}
	return n.String()
}
