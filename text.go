package gatelodge

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// String returns the text form of a Snapshot, used by golden files, "gatelodge
// check" and the admin endpoint. It never contains a secret.
func (s *Snapshot) String() string {
	var b strings.Builder
	s.WriteText(&b)
	return b.String()
}

// WriteText writes the text form to w. It ignores write errors, which the caller can see on w.
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

// writeLine writes one printable line, whatever its arguments contain.
func writeLine(w io.Writer, format string, args ...any) {
	_, _ = io.WriteString(w, Printable(fmt.Sprintf(format, args...))+"\n") // write errors are visible on w
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

// String lists the options, each after a space.
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
	text := fmt.Sprintf("certificate %s %s names=%s from=%s until=%s sha256=%.16s",
		c.Source, c.Object, joinNames(c.Names),
		c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339), c.Fingerprint)
	if c.Flaw != nil {
		text += fmt.Sprintf(" flaw=%q", c.Flaw.Text)
	}
	return text
}

// namesShown limits the names in a certificate's line, since each of a hundred
// hosts may use one certificate that names them all.
const namesShown = 10

func joinNames(names []Name) string {
	var b strings.Builder
	for i, n := range names {
		switch {
		case i == namesShown:
			fmt.Fprintf(&b, ",+%d", len(names)-i)
			return b.String()
		case i > 0:
			b.WriteString(",")
		}
		b.WriteString(string(n))
	}
	return b.String()
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
	if i.Second {
		b.WriteString(" second")
	}
	if i.KeyType != "" && i.KeyType != ECDSAP256 {
		fmt.Fprintf(&b, " key=%s", i.KeyType)
	}
	if i.Profile != "" {
		fmt.Fprintf(&b, " profile=%s", i.Profile)
	}
	if i.Chain != "" {
		fmt.Fprintf(&b, " chain=%q", i.Chain)
	}
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
		if len(i.Certificate.Names) > 1 {
			fmt.Fprintf(&b, " shared=%s", joinNames(i.Certificate.Names))
		}
	}
	if i.Elsewhere {
		fmt.Fprintf(&b, " of %s", i.Certificate.Object)
	}
	if i.Adopted {
		b.WriteString(" adopted")
	}
	if i.Window != nil {
		fmt.Fprintf(&b, " renew=%s/%s", i.Window.Start.UTC().Format(time.RFC3339), i.Window.End.UTC().Format(time.RFC3339))
	}
	if len(i.With) > 0 {
		fmt.Fprintf(&b, " ordered with=%s", joinNames(i.With))
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

// writeText writes the transfer's line, with the names of its keys only.
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

// String returns the record as a line of a master file (RFC 1035 §5.1).
func (r Record) String() string {
	return fmt.Sprintf("%s. %d IN %s %s", r.Name, int64(r.TTL/time.Second), r.Type, r.Data)
}
