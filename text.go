package gatelodge

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// String is the one text form of a Snapshot, for golden files, "gatelodge check"
// and the admin endpoint. It never contains a secret.
func (s *Snapshot) String() string {
	var b strings.Builder
	s.WriteText(&b)
	return b.String()
}

// WriteText writes the form of String to w, and leaves errors of w to the caller.
func (s *Snapshot) WriteText(w io.Writer) {
	for _, l := range s.Listeners {
		writeLine(w, "%s", l)
	}
	for _, l := range s.Levels {
		writeLine(w, "levels %s %s", l.Zone, strings.Join(l.Names, " "))
	}
	for _, h := range s.Hosts.All() {
		h.writeText(w)
	}
	for _, b := range s.Backends.All() {
		writeLine(w, "%s", b)
	}
	for _, c := range s.DefaultCertificates {
		writeLine(w, "%s", c)
	}
	for _, v := range s.Views {
		v.writeText(w)
	}
	for _, a := range s.Withdrawn {
		writeLine(w, "withdrawn %s", a)
	}
	for _, t := range s.Transfers {
		t.writeText(w)
	}
	for _, c := range s.Challenges {
		writeLine(w, "challenge %s %s", c.Type, c.Name)
	}
	if s.Issuing != nil {
		s.Issuing.writeText(w)
	}
	for p := range s.Problems.All() {
		writeLine(w, "problem %s", p)
	}
}

// writeLine writes one line, whatever the names and texts in it are.
func writeLine(w io.Writer, format string, args ...any) {
	_, _ = io.WriteString(w, Printable(fmt.Sprintf(format, args...))+"\n") // the caller sees the error on w
}

// String is the listener's line in the text form.
func (l Listener) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "listener %s %s %s", l.Name, l.Protocol, l.Address)
	if l.PublicPort != 0 {
		fmt.Fprintf(&b, " public=%d", l.PublicPort)
	}
	if len(l.Views) > 0 {
		fmt.Fprintf(&b, " view=%s", strings.Join(l.Views, ","))
	}
	return b.String()
}

func (h *Host) writeText(w io.Writer) {
	name, about := string(h.Name), ""
	if name == "" {
		name = "any"
	}
	if h.Owner != "" {
		about = " owner=" + h.Owner
	}
	if h.Contact != "" {
		about += " contact=" + h.Contact
	}
	if h.ShortOf != "" {
		about += " short-of=" + string(h.ShortOf)
	}
	writeLine(w, "host %s%s", name, about)
	for _, r := range h.Routes {
		writeLine(w, "  route %s", r)
	}
	if h.ClientAuth != nil {
		writeLine(w, "  %s", h.ClientAuth)
	}
	if h.Passthrough != nil {
		writeLine(w, "  passthrough to %s by %s", h.Passthrough.Backend, h.Passthrough.Object)
	}
	for _, c := range h.Certificates {
		writeLine(w, "  %s", c)
	}
	if h.ByView != nil {
		views := slices.Sorted(maps.Keys(h.ByView))
		if len(views) == 0 {
			views = []string{"none"}
		}
		writeLine(w, "  views %s", strings.Join(views, ","))
	}
	if h.WantsTLS && len(h.Certificates) == 0 && h.Passthrough == nil {
		writeLine(w, "  certificate none")
	}
}

// String is the route's line in the text form.
func (r *Route) String() string {
	to := string(r.Backend)
	switch {
	case to != "":
	case r.Policy.Snippet != nil && r.Policy.Snippet.Answers:
		to = "answer"
	default:
		to = "redirect"
	}
	canary := ""
	if r.Canary != nil {
		canary = r.Canary.String()
	}
	return fmt.Sprintf("%s %s -> %s by %s%s%s", r.Match, r.Path, to, r.Object, r.Policy, canary)
}

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

// String is the backend's line in the text form.
func (b *Backend) String() string {
	var t strings.Builder
	fmt.Fprintf(&t, "backend %s %s%s%s", b.Key, b.Protocol, b.TLS, b.Check)
	for _, e := range b.Endpoints {
		fmt.Fprintf(&t, " %s", e.Address)
		if e.Weight > 1 {
			fmt.Fprintf(&t, "(weight=%d)", e.Weight)
		}
		if e.Draining {
			t.WriteString("(draining)")
		}
	}
	if len(b.Endpoints) == 0 {
		t.WriteString(" no endpoints")
	}
	return t.String()
}

// String lists what is asked for, each item after a space.
func (t *BackendTLS) String() string {
	if t == nil {
		return ""
	}
	var b strings.Builder
	if len(t.Roots) > 0 {
		fmt.Fprintf(&b, " verify=%s", t.VerifyName)
	}
	if t.ServerName != "" {
		fmt.Fprintf(&b, " server-name=%s", t.ServerName)
	}
	if t.Certificate != nil {
		fmt.Fprintf(&b, " certificate-until=%s", t.Certificate.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// String is the certificate's line in the text form.
func (c *Certificate) String() string {
	names := make([]string, len(c.Names))
	for i, n := range c.Names {
		names[i] = string(n)
	}
	return fmt.Sprintf("certificate %s %s names=%s from=%s until=%s sha256=%.16s",
		c.Source, c.Object, strings.Join(names, ","),
		c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339), c.Fingerprint)
}

func (i *Issuing) writeText(w io.Writer) {
	for _, n := range i.Issuances.All() {
		writeLine(w, "%s", n)
	}
}

// String is the issuance's line in the text form.
func (i *Issuance) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "issue %s", i.Name)
	for _, c := range i.Challenges {
		fmt.Fprintf(&b, " %s", c)
	}
	for _, server := range i.Secondaries {
		fmt.Fprintf(&b, " secondary=%s", server)
	}
	for _, o := range i.Askers {
		fmt.Fprintf(&b, " for %s", o)
	}
	if len(i.Askers) == 0 {
		b.WriteString(" no longer asked for")
	}
	if i.Certificate != nil {
		fmt.Fprintf(&b, " until=%s", i.Certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	if i.Window != nil {
		fmt.Fprintf(&b, " renew=%s/%s", i.Window.Start.UTC().Format(time.RFC3339), i.Window.End.UTC().Format(time.RFC3339))
	}
	if !i.RetryAt.IsZero() {
		fmt.Fprintf(&b, " retry=%s", i.RetryAt.UTC().Format(time.RFC3339))
	}
	return b.String()
}

func (v *View) writeText(w io.Writer) {
	var addresses strings.Builder
	for _, a := range v.Addresses {
		fmt.Fprintf(&addresses, " %s", a)
	}
	clients := ""
	if v.Clients != nil {
		clients = " clients=" + v.Clients.String()
	}
	writeLine(w, "view %s%s%s", v.Name, &addresses, clients)
	for _, z := range v.Zones {
		writeLine(w, "  zone %s primary=%s hostmaster=%s ttl=%s negative=%s", z.Name, z.Primary, z.Hostmaster, z.TTL, z.NegativeTTL)
		for _, n := range z.Nodes.All() {
			if len(n.Records) == 0 {
				fmt.Fprintf(w, "    %s. without records\n", n.Name)
			}
			for _, r := range n.Records {
				writeLine(w, "    %s", r)
			}
		}
	}
}

// writeText writes the transfer's line. Of keys it has the names.
func (t *Transfer) writeText(w io.Writer) {
	var b strings.Builder
	for _, k := range t.Keys {
		fmt.Fprintf(&b, " key=%s/%s", k.Name, k.Algorithm)
	}
	for _, n := range t.Networks {
		fmt.Fprintf(&b, " to=%s", n)
	}
	for _, n := range t.Notify {
		fmt.Fprintf(&b, " notify=%s", n)
	}
	if t.RequireTLS {
		b.WriteString(" tls")
	}
	writeLine(w, "transfer %s view=%s%s", t.Zone, strings.Join(t.Views, ","), &b)
}

// String is the record as a line of a master file (RFC 1035 §5.1).
func (r Record) String() string {
	return fmt.Sprintf("%s. %d IN %s %s", r.Name, int64(r.TTL/time.Second), r.Type, r.Data)
}

// Changes lists, sorted, the keys of what differs between the Snapshot before
// and s: "host app.example.com", "backend shop/web:80", "node …", "certificate
// …". It is what a swap logs. A nil before stands for an empty Snapshot.
func (s *Snapshot) Changes(before *Snapshot) []string {
	var keys []string
	if before == nil {
		before = &Snapshot{}
	} else {
		if !reflect.DeepEqual(before.Settings, s.Settings) {
			keys = append(keys, "settings")
		}
		if !slices.EqualFunc(before.Listeners, s.Listeners, Listener.Equal) {
			keys = append(keys, "listeners")
		}
	}
	if !slices.Equal(before.Challenges, s.Challenges) {
		keys = append(keys, "challenges")
	}
	if !slices.Equal(before.Transfers, s.Transfers) {
		keys = append(keys, "transfers")
	}
	keys = changed(keys, "host ", before.Hosts, s.Hosts)
	keys = changed(keys, "backend ", before.Backends, s.Backends)
	keys = changedCertificates(keys, before.DefaultCertificates, s.DefaultCertificates)
	zones := func(views []*View) map[string]Map[Name, *Node] {
		byKey := make(map[string]Map[Name, *Node])
		for _, v := range views {
			for _, z := range v.Zones {
				byKey[v.Name+"/"+string(z.Name)] = z.Nodes
			}
		}
		return byKey
	}
	old, now := zones(before.Views), zones(s.Views)
	for key, nodes := range now {
		keys = changed(keys, "node "+key+" ", old[key], nodes)
		delete(old, key)
	}
	for key, nodes := range old {
		keys = changed(keys, "node "+key+" ", nodes, Map[Name, *Node]{})
	}
	slices.Sort(keys)
	return keys
}

// changed appends the keys of the items that differ between two Maps.
func changed[K interface {
	~string
	Ordered[K]
}, V comparable](keys []string, prefix string, before, after Map[K, V]) []string {
	for key := range after.Changes(before) {
		keys = append(keys, prefix+string(key))
	}
	return keys
}

// changedCertificates appends the keys of those that are in one list only; the
// lists are short, and in an order of their own.
func changedCertificates(keys []string, before, after []*Certificate) []string {
	for _, list := range [][2][]*Certificate{{before, after}, {after, before}} {
		for _, c := range list[0] {
			if !slices.Contains(list[1], c) {
				keys = append(keys, "certificate "+c.Object.String())
			}
		}
	}
	return slices.Compact(keys)
}
