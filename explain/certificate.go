package explain

import (
	"fmt"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// expiresSoon is when a certificate without renewal causes a warning.
const expiresSoon = 7 * 24 * time.Hour

// certificate describes the certificate in a handshake for the name.
func (t *timeline) certificate() *Step {
	s := &Step{Kind: Certificate, Title: "Certificate", State: OK}
	bySecret := func(p gatelodge.Problem) bool { return !aboutAuth(p.Message) }
	wrong := t.take(bySecret, gatelodge.BadCertificate, gatelodge.NotIssued, gatelodge.SecretMissing, gatelodge.BadSecret)
	if t.Scheme == "http" {
		s.State, s.Text = Info, "none is needed for http"
		s.tell(Warning, wrong)
		return s
	}
	shown := t.shown()
	switch {
	case t.host != nil && t.host.Passthrough != nil:
		s.State, s.Text = Info, "the backend shows its own: connections over TLS are passed on"
	case len(shown) == 0:
		why := ""
		for _, p := range wrong {
			why = fmt.Sprintf(": %s: %s", p.Object, p.Message)
			s.Do = advice[p.Reason]
			break
		}
		if s.Do == "" {
			s.Do = "name a Secret in spec.tls, configure an ACME CA (acme.directory), or a default certificate (tls.defaultCertificates)"
		}
		s.worse(Broken, fmt.Sprintf("no certificate covers %s, so clients are shown a self-signed one, which they refuse%s", t.Name, why), s.Do)
	default:
		c := shown[0]
		s.Text = fmt.Sprintf("%s (%s) for %s, valid until %s", c.Object, c.Source, list(c.Names), stamp(c.NotAfter))
	}
	for _, c := range shown {
		s.addAt(OK, fmt.Sprintf("%s %s", c.Algorithm, c.Object), fmt.Sprintf("from %s, expires", c.Source), c.NotAfter)
		if c.Source != gatelodge.FromACME && c.NotAfter.Sub(t.Now) < expiresSoon && c.NotAfter.Sub(c.NotBefore) > 2*expiresSoon {
			s.worse(Warning, fmt.Sprintf("the certificate in %s expires at %s", c.Object, stamp(c.NotAfter)), "renew it, or find out why its renewal failed")
		}
	}
	t.ordered(s)
	s.tell(Warning, wrong)
	return s
}

// shown returns the certificates that a client may get, the preferred one first.
func (t *timeline) shown() []*gatelodge.Certificate {
	if t.host != nil && t.host.Name != "" {
		return t.host.Certificates
	}
	var covering []*gatelodge.Certificate
	for _, c := range t.Snapshot.DefaultCertificates {
		if c.Covers(t.Name) {
			covering = append(covering, c)
		}
	}
	return covering
}

// ordered adds the orders at an ACME CA for the name.
func (t *timeline) ordered(s *Step) {
	if t.Snapshot.Issuing == nil {
		return
	}
	if lacking := t.Snapshot.Issuing.Lacking; lacking != "" {
		s.add(Warning, "ACME", lacking)
	}
	own, above := gatelodge.KeysOf(t.Name), gatelodge.KeysOf(t.Name.Wildcard())
	for _, key := range append(own[:], above[:]...) {
		i := t.Snapshot.Issuing.Issuances.Get(key)
		if i == nil || key.Name == "" {
			continue
		}
		label := "order for " + string(i.Name)
		if t.Snapshot.Issuing.Issuances.Get(key.Other()) != nil {
			label += " " + string(i.KeyType)
		}
		switch {
		case len(i.Askers) == 0: // it is not renewed
		case !i.RetryAt.IsZero():
			s.addAt(Warning, label, "the last order failed, the next attempt is", i.RetryAt)
		case i.Certificate != nil && i.Certificate.Flaw != nil:
			s.add(Warning, label, "the certificate "+i.Certificate.Flaw.Text+", so another one is ordered now")
		case i.Certificate != nil && t.RenewAt != nil:
			s.addAt(Info, label, others(len(i.Certificate.Names)-1)+"the next renewal is", t.RenewAt(i.Certificate, i.Window))
		case i.Certificate == nil && len(i.Challenges) > 0:
			s.add(Info, label, others(len(i.With))+"is under way")
			if s.State == Broken {
				s.Text = fmt.Sprintf("the certificate for %s is being ordered, until then clients are shown a self-signed one", i.Name)
				s.Do = "wait a moment; if it stays so, the log of the leader says what the CA answers"
			}
		}
	}
}

// others formats the number of further hosts of an order.
func others(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf("together with %d more of the namespace ", n)
}

// aboutAuth reports whether a Problem with a Secret is about access control.
func aboutAuth(message string) bool {
	return strings.Contains(message, "auth-") || strings.Contains(message, "proxy-ssl-secret")
}
