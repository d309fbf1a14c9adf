package gatelodge

import (
	"fmt"
	"strings"
)

// String lists what the policy asks for, each item after a space.
func (p *Policy) String() string {
	var b strings.Builder
	if p.Unavailable != "" {
		fmt.Fprintf(&b, " unavailable=%q", p.Unavailable)
	}
	switch p.Redirect {
	case RedirectNever:
		b.WriteString(" ssl-redirect=false")
	case RedirectAlways:
		b.WriteString(" force-ssl-redirect=true")
	}
	if p.RedirectTo != nil {
		fmt.Fprintf(&b, " redirect=%d:%q", p.RedirectTo.Status, p.RedirectTo.Location)
	}
	if p.AppRoot != "" {
		fmt.Fprintf(&b, " app-root=%q", p.AppRoot)
	}
	if p.Rewrite != nil {
		fmt.Fprintf(&b, " rewrite=%q", p.Rewrite)
	}
	if p.UpstreamHost != "" {
		fmt.Fprintf(&b, " upstream-vhost=%q", p.UpstreamHost)
	}
	if p.ForwardedPrefix != "" {
		fmt.Fprintf(&b, " x-forwarded-prefix=%q", p.ForwardedPrefix)
	}
	if p.Fields != nil {
		b.WriteString(p.Fields.String())
	}
	if p.ErrorPages != nil {
		b.WriteString(p.ErrorPages.String())
	}
	if p.BackendURLs != nil {
		b.WriteString(p.BackendURLs.String())
	}
	if p.CORS != nil {
		b.WriteString(p.CORS.String())
	}
	if p.Snippet != nil {
		fmt.Fprintf(&b, " snippet=%q", p.Snippet.Names)
	}
	if p.Views != nil {
		fmt.Fprintf(&b, " views=%s", strings.Join(p.Views, ","))
	}
	if p.Unlogged {
		b.WriteString(" access-log=off")
	}
	if p.Mirror != nil {
		fmt.Fprintf(&b, " mirror=%s", p.Mirror)
	}
	if p.HSTS != nil {
		fmt.Fprintf(&b, " hsts=%q", *p.HSTS)
	}
	if p.AllowFrom != nil {
		fmt.Fprintf(&b, " allow-from=%s", p.AllowFrom)
	}
	if p.DenyFrom != nil {
		fmt.Fprintf(&b, " deny-from=%s", p.DenyFrom)
	}
	if p.AnyClientCertificate {
		b.WriteString(" any-client-certificate")
	}
	if p.BasicAuth != nil {
		fmt.Fprintf(&b, " basic-auth=%q users=%d", p.BasicAuth.Realm, len(p.BasicAuth.Users))
	}
	if p.ExternalAuth != nil {
		b.WriteString(p.ExternalAuth.String())
	}
	if p.SatisfyAny {
		b.WriteString(" satisfy=any")
	}
	if p.LoadBalance != AlgorithmUnset {
		fmt.Fprintf(&b, " load-balance=%s", p.LoadBalance)
	}
	if p.SlowStart != nil {
		fmt.Fprintf(&b, " slow-start=%s", *p.SlowStart)
	}
	if p.Affinity != nil {
		fmt.Fprintf(&b, " affinity=%s", p.Affinity)
	}
	if p.Ejection != nil {
		b.WriteString(p.Ejection.String())
	}
	if p.HashBy != nil {
		fmt.Fprintf(&b, " hash-by=%s", p.HashBy)
	}
	p.writeLimits(&b)
	return b.String()
}

// writeLimits lists how much is let in, how fast, and for how long.
func (p *Policy) writeLimits(b *strings.Builder) {
	if p.ClientLimits != nil {
		b.WriteString(p.ClientLimits.String())
	}
	if p.BodyBytes != nil {
		fmt.Fprintf(b, " body-bytes=%d", *p.BodyBytes)
	}
	if l := p.BackendLimits; l != nil {
		fmt.Fprintf(b, " max-requests=%d max-pending=%d", l.Requests, l.Pending)
	}
	if w := p.Bandwidth; w != nil {
		fmt.Fprintf(b, " limit-rate=%d after=%d", w.Rate, w.After)
	}
	if p.Timeouts != nil {
		b.WriteString(p.Timeouts.String())
	}
	if p.Retries != nil {
		b.WriteString(p.Retries.String())
	}
	if p.Compression != nil {
		b.WriteString(p.Compression.String())
	}
	if p.Buffering != nil {
		b.WriteString(p.Buffering.String())
	}
	if p.Tracing != nil {
		b.WriteString(p.Tracing.String())
	}
}

// String is the rule's line in the text form.
func (c *ClientAuth) String() string {
	if c.Unavailable != "" {
		return fmt.Sprintf("client-certificate by %s unavailable=%q", c.Object, c.Unavailable)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "client-certificate %s by %s authorities=%d depth=%d", c.Mode, c.Object, len(c.Trust.Authorities), c.Trust.Depth)
	if len(c.Trust.Revocations) > 0 {
		fmt.Fprintf(&b, " crls=%d", len(c.Trust.Revocations))
	}
	fmt.Fprintf(&b, " sha256=%.16s", c.Trust.Key)
	if c.Subject != nil {
		fmt.Fprintf(&b, " subject=%q", c.Subject)
	}
	if c.ErrorPage != "" {
		fmt.Fprintf(&b, " error-page=%q", c.ErrorPage)
	}
	if c.PassCertificate {
		b.WriteString(" passed-on")
	}
	return b.String()
}
