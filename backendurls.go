package gatelodge

import (
	"fmt"
	"regexp"
	"strings"
)

// BackendURLs rewrites the URLs in the responses of a backend that does not know
// its public URL, like nginx's proxy_redirect, proxy_cookie_domain and
// proxy_cookie_path.
type BackendURLs struct {
	Redirect     *Substitution // in Location and Refresh; nil: unchanged
	CookieDomain *Substitution // in the Domain attribute of cookies; nil: unchanged
	CookiePath   *Substitution // in their Path attribute; nil: unchanged
}

// Substitution replaces text. Without a Pattern it replaces From; with one it
// replaces a text that Pattern matches as a whole.
type Substitution struct {
	From    string
	Pattern *regexp.Regexp
	To      []RewritePart
}

// ReplacePrefix replaces From at the start of text.
func (s *Substitution) ReplacePrefix(text string) (replaced string, ok bool) {
	if s.Pattern != nil {
		return s.replaceMatch(text)
	}
	rest, ok := strings.CutPrefix(text, s.From)
	return s.to(nil) + rest, ok
}

// ReplaceDomain replaces text if it equals From, ignoring case and a leading dot,
// which is kept.
func (s *Substitution) ReplaceDomain(text string) (replaced string, ok bool) {
	if s.Pattern != nil {
		return s.replaceMatch(text)
	}
	domain := strings.TrimPrefix(text, ".")
	if !strings.EqualFold(domain, s.From) {
		return "", false
	}
	return text[:len(text)-len(domain)] + s.to(nil), true
}

func (s *Substitution) replaceMatch(text string) (replaced string, ok bool) {
	groups := s.Pattern.FindStringSubmatch(text)
	return s.to(groups), groups != nil
}

func (s *Substitution) to(groups []string) string {
	var b strings.Builder
	for _, part := range s.To {
		if part.Group == 0 {
			b.WriteString(part.Text)
		} else if part.Group < len(groups) {
			b.WriteString(groups[part.Group])
		}
	}
	return b.String()
}

// String lists the substitutions.
func (u *BackendURLs) String() string {
	var b strings.Builder
	for _, s := range []struct {
		name string
		*Substitution
	}{{"redirects", u.Redirect}, {"cookie-domains", u.CookieDomain}, {"cookie-paths", u.CookiePath}} {
		if s.Substitution == nil {
			continue
		}
		from := s.From
		if s.Pattern != nil {
			from = "~" + s.Pattern.String()
		}
		fmt.Fprintf(&b, " %s=%q to=%q", s.name, from, rewriteText(s.To))
	}
	return b.String()
}
