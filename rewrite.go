package gatelodge

import (
	"fmt"
	"net/url"
	"strings"
)

// Rewrite makes the path that a backend gets, as nginx's rewrite directive does
// with what ingress-nginx's rewrite-target says.
type Rewrite struct {
	Path      []RewritePart
	Query     []RewritePart // goes before the client's query; nil: nothing is added
	DropQuery bool          // the client's query is not passed on
}

// RewritePart is literal text, or what a group of the route's pattern matched.
type RewritePart struct {
	Text  string // where Group is 0
	Group int    // from 1 on; nothing for one that the pattern does not have
}

// String is the rewrite as its author writes it.
func (w *Rewrite) String() string {
	text := rewriteText(w.Path)
	if w.Query != nil {
		text += "?" + rewriteText(w.Query)
	}
	if w.DropQuery {
		text += "?"
	}
	return text
}

// rewriteText is parts as their author writes them.
func rewriteText(parts []RewritePart) string {
	var b strings.Builder
	for _, part := range parts {
		if part.Group == 0 {
			b.WriteString(part.Text)
		} else {
			fmt.Fprintf(&b, "$%d", part.Group)
		}
	}
	return b.String()
}

// Apply returns the path and the query, with its question mark if there is one, that
// the backend of the route gets for those of a request. The path is in the form of
// CanonicalPath. It fails where the path that was made is none that a request may
// have.
func (w *Rewrite) Apply(r *Route, path, query string) (string, string, error) {
	var groups []string
	if r.Pattern != nil {
		groups = r.Pattern.FindStringSubmatch(PatternForm(PathForm(path)))
	}
	join := func(parts []RewritePart, group func(string) string) string {
		var b strings.Builder
		for _, part := range parts {
			if part.Group == 0 {
				b.WriteString(part.Text)
			} else if part.Group < len(groups) {
				b.WriteString(group(groups[part.Group]))
			}
		}
		return b.String()
	}
	made, err := RewrittenPath(join(w.Path, func(text string) string { return text }))
	if err != nil {
		return "", "", err
	}
	added := join(w.Query, url.QueryEscape)
	switch {
	case w.DropQuery:
		query = ""
	case added != "" && len(query) > 1:
		added += "&"
	}
	if added += strings.TrimPrefix(query, "?"); added != "" || w.DropQuery {
		query = added
		if query != "" {
			query = "?" + query
		}
	}
	return made, query, nil
}
