package gatelodge

import (
	"fmt"
	"net/url"
	"strings"
)

// Rewrite changes the path that a backend gets, like nginx's rewrite directive with
// the value of ingress-nginx's rewrite-target.
type Rewrite struct {
	Path      []RewritePart
	Query     []RewritePart // put before the client's query; nil: nothing is added
	DropQuery bool          // do not pass on the client's query
}

// RewritePart is literal text, or a capture group of the route's pattern.
type RewritePart struct {
	Text  string // if Group is 0
	Group int    // counted from 1; empty if the pattern has no such group
}

// String returns the rewrite as written in an annotation.
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

// rewriteText returns the parts as written in an annotation.
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

// Apply returns the path and the query (including its question mark, if there is
// one) that the backend of the route gets for a request's. path is in the form of
// CanonicalPath. Apply fails if the resulting path would not be valid in a request.
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
