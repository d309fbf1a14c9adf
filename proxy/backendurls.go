package proxy

import (
	"strings"

	gatelodge "gatelodge.dev"
)

// backendURLs changes the URLs in the backend's response.
func backendURLs(p *gatelodge.Policy) step {
	if p.BackendURLs == nil {
		return nil
	}
	return func(r *request) *answer {
		r.response.urls = p.BackendURLs
		return nil
	}
}

// changeURLs changes the URLs in p.fields, if a backend made them.
func (p *response) changeURLs() {
	if p.urls == nil || p.ours {
		return
	}
	for i := range p.fields {
		f := &p.fields[i]
		switch {
		case p.urls.Redirect != nil && f.Name == "location":
			if to, ok := p.urls.Redirect.ReplacePrefix(f.Value); ok {
				f.Value = to
			}
		case p.urls.Redirect != nil && f.Name == "refresh":
			if at := strings.Index(strings.ToLower(f.Value), "url="); at >= 0 {
				at += len("url=")
				if to, ok := p.urls.Redirect.ReplacePrefix(f.Value[at:]); ok {
					f.Value = f.Value[:at] + to
				}
			}
		case f.Name == "set-cookie":
			f.Value = changeCookie(f.Value, p.urls)
		}
	}
}

// changeCookie changes the attributes of a Set-Cookie field (RFC 6265 §5.2), and
// leaves the cookie itself as it is. One without a change stays as it was written.
func changeCookie(value string, urls *gatelodge.BackendURLs) string {
	parts, changed := strings.Split(value, ";"), false
	for i := range parts[1:] {
		part := strings.Trim(parts[i+1], " \t")
		name, attribute, _ := strings.Cut(part, "=")
		var to string
		var ok bool
		switch {
		case urls.CookieDomain != nil && strings.EqualFold(name, "domain"):
			to, ok = urls.CookieDomain.ReplaceDomain(attribute)
		case urls.CookiePath != nil && strings.EqualFold(name, "path"):
			to, ok = urls.CookiePath.ReplacePrefix(attribute)
		}
		if ok {
			part, changed = name+"="+to, true
		}
		parts[i+1] = part
	}
	if !changed {
		return value
	}
	return strings.Join(parts, "; ")
}
