package proxy

import (
	"net/url"
	"strings"

	gatelodge "gatelodge.dev"
)

// snippetRun is what the snippets of a request have come to.
type snippetRun struct {
	served    bool                    // Server's steps were done
	rooted    bool                    // AppRoot, which comes behind them, was done or left out
	namespace string                  // whose snippets they are
	scope     *gatelodge.SnippetScope // that holds; nil: none
	variables []snippetVariable
	groups    []string // of the expression that matched last, with the whole match before them
	made      int      // octets of text
	moved     bool     // the path was changed, and a route is to be found for it
	stays     bool     // a break: the path is changed no more on this route
	routed    int      // how often another route was looked for
}

type snippetVariable struct{ name, value string }

// Bounds of what the snippets of a request do, as nginx has the first.
const (
	mostRerouted    = 10
	mostSnippetText = 64 << 10 // octets
)

// rerouted is the answer of a step that has found another route: the steps of that
// one are next.
var rerouted = new(answer)

// rewritePhase does the steps of a route's snippets, and what they found to hold. As with
// ingress-nginx it comes after the check of the client's certificate, and before the
// redirect to HTTPS and all that asks who the client is. AppRoot stands behind the steps
// of the server-snippet, and RedirectTo behind those of the configuration-snippet: what
// ends these leaves it out. A route that can't be served does none of it.
func rewritePhase(p *gatelodge.Policy) step {
	s := p.Snippet
	if s == nil || p.Unavailable != "" {
		return nil
	}
	compiled := compileScopes(s)
	return func(r *request) *answer {
		if r.x.Conn.TLS != nil {
			if refused := clientAuth(r); refused != nil {
				return refused
			}
		}
		run := r.snippetRun()
		refused := r.serverSteps(s, run)
		if refused == nil && !run.rooted {
			run.rooted = true
			refused = r.toAppRoot(p)
		}
		if refused == nil {
			refused = r.locationSteps(p, run)
		}
		if refused == rerouted {
			return rerouted
		}
		if failed := r.enter(compiled[run.scope], refused == nil); failed != nil {
			return failed
		}
		return refused
	}
}

// snippetRun begins one, if the request has none.
func (r *request) snippetRun() *snippetRun {
	h := r.hold()
	if h.snippet == nil {
		h.snippet = &snippetRun{namespace: r.route.source.Object.Namespace}
		r.asked = r.x.Path + r.x.Query
	}
	return h.snippet
}

// serverSteps does the steps of the server-snippet, once.
func (r *request) serverSteps(s *gatelodge.Snippet, run *snippetRun) *answer {
	if run.served {
		return nil
	}
	run.served = true
	if len(s.Server) == 0 {
		return nil
	}
	path := r.path
	run.scope = s.Scope
	ended, refused := r.doSteps(s.Server, run)
	if refused != nil {
		return refused
	}
	run.rooted, run.moved, run.stays = ended, false, false
	if r.path != path {
		return r.reroute(run)
	}
	return nil
}

// locationSteps does the steps of the configuration-snippet, and the redirect behind them.
func (r *request) locationSteps(p *gatelodge.Policy, run *snippetRun) *answer {
	s := p.Snippet
	run.scope, run.moved, run.stays = s.Scope, false, false
	if pattern := r.route.source.Pattern; pattern != nil && s.Groups {
		run.groups = pattern.FindStringSubmatch(decodedPath(r.path))
	}
	ended, refused := r.doSteps(s.Location, run)
	if refused == nil && !ended {
		refused = r.redirectedTo(p)
	}
	if refused != nil {
		return refused
	}
	source := r.route.source
	if run.moved && !(source.Policy.Rewrite != nil && source.Matches(gatelodge.PathForm(r.path))) {
		return r.reroute(run)
	}
	return nil
}

// reroute finds the route of the path that a snippet made. It is one of the snippet's
// own namespace, and all its protections hold.
func (r *request) reroute(run *snippetRun) *answer {
	if run.routed++; run.routed > mostRerouted {
		return internalError("a snippet rewrites the path in a circle")
	}
	path := gatelodge.PathForm(r.path)
	route := r.host.match(path)
	if route == nil || route.source.Object.Namespace != run.namespace {
		return notFound("no route of the snippet's namespace for the rewritten path")
	}
	r.route = route
	if refused := r.ambiguous(path); refused != nil {
		return refused
	}
	run.scope, run.moved, run.stays = nil, false, false
	r.held.fields, r.response.edits, r.response.hsts = nil, nil, ""
	r.held.pages, r.response.pages = nil, nil
	r.body.limit = r.table.settings.Limits.BodyBytes
	return rerouted
}

// doSteps does steps until one ends the phase or answers.
func (r *request) doSteps(steps []gatelodge.SnippetStep, run *snippetRun) (ended bool, refused *answer) {
	for _, s := range steps {
		switch s := s.(type) {
		case *gatelodge.SnippetSet:
			refused = r.setVariable(s, run)
		case *gatelodge.SnippetReturn:
			return true, r.returned(s, run)
		case *gatelodge.SnippetRewrite:
			ended, refused = r.rewritePath(s, run)
		case *gatelodge.SnippetBreak:
			run.moved, run.stays, ended = false, true, true
		case *gatelodge.SnippetIf:
			if r.holds(s, run) {
				if s.Scope != nil {
					run.scope = s.Scope
				}
				ended, refused = r.doSteps(s.Then, run)
			}
		}
		if ended || refused != nil {
			return true, refused
		}
		if run.made > mostSnippetText {
			return true, internalError("the texts of a snippet are too large")
		}
	}
	return false, nil
}

// internalError is for a snippet that can't be carried out.
func internalError(why string) *answer {
	return &answer{status: 500, reason: why, text: "Internal Server Error"}
}

// made makes a text, and counts it.
func (r *request) made(t gatelodge.Template, run *snippetRun) string {
	text := r.text(t)
	run.made += len(text)
	return text
}

func (r *request) setVariable(s *gatelodge.SnippetSet, run *snippetRun) *answer {
	value := r.made(s.Value, run)
	if s.Variable == "args" {
		r.x.Query = ""
		if value != "" {
			r.x.Query = "?" + escapeTarget(value)
		}
		return nil
	}
	run.set(s.Variable, value)
	return nil
}

func (run *snippetRun) set(name, value string) {
	for i := range run.variables {
		if run.variables[i].name == name {
			run.variables[i].value = value
			return
		}
	}
	run.variables = append(run.variables, snippetVariable{name, value})
}

// holds reports whether a condition is true.
func (r *request) holds(s *gatelodge.SnippetIf, run *snippetRun) bool {
	value := ""
	if s.Subject.Value == gatelodge.RequestPath {
		value = decodedPath(r.path)
	} else {
		value = r.value(&s.Subject)
	}
	is := false
	switch s.Compare {
	case gatelodge.CompareTrue:
		is = value != "" && value != "0"
	case gatelodge.CompareText:
		is = value == r.made(s.Text, run)
	case gatelodge.ComparePattern:
		if groups := s.Pattern.FindStringSubmatch(value); groups != nil {
			is = true
			run.matched(s.Pattern.SubexpNames(), groups)
		}
	}
	return is != s.Negated
}

// matched keeps what the groups of an expression matched.
func (run *snippetRun) matched(names, groups []string) {
	run.groups = groups
	for i, name := range names {
		if name != "" {
			run.set(name, groups[i])
		}
	}
}

// decodedPath is a path as nginx compares it.
func decodedPath(path string) string { return gatelodge.PatternForm(gatelodge.PathForm(path)) }

// returned is the answer of a return.
func (r *request) returned(s *gatelodge.SnippetReturn, run *snippetRun) *answer {
	const reason = "return in a snippet"
	if s.Status == gatelodge.CloseConnection {
		return hungUp(reason)
	}
	if s.Location != nil {
		return r.redirectedBySnippet(s.Status, r.made(s.Location, run))
	}
	a := &answer{status: s.Status, reason: reason}
	if s.Text != nil || s.Status < 300 {
		a.text, a.exact = r.made(s.Text, run), true
		a.contentType = "text/html" // ingress-nginx's default_type
		if run.scope != nil && run.scope.ContentType != "" {
			a.contentType = run.scope.ContentType
		}
	}
	return a
}

// redirectedBySnippet redirects to a URL, or to a path of the same host.
func (r *request) redirectedBySnippet(status int, location string) *answer {
	if strings.HasPrefix(location, "/") {
		location = r.scheme + "://" + string(r.name) + location
	}
	a := redirected(status, escapeTarget(location))
	a.reason = "redirect by a snippet"
	return a
}

// escapeTarget escapes what can't stand in a URL at all, whatever it was made of.
func escapeTarget(s string) string {
	const digits = "0123456789ABCDEF"
	clean := func(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' }
	i := 0
	for i < len(s) && clean(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	out := []byte(s[:i])
	for ; i < len(s); i++ {
		if c := s[i]; clean(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out)
}

// rewritePath changes the path, or redirects, where the expression matches.
func (r *request) rewritePath(s *gatelodge.SnippetRewrite, run *snippetRun) (ended bool, refused *answer) {
	groups := s.Pattern.FindStringSubmatch(decodedPath(r.path))
	if groups == nil {
		return false, nil
	}
	run.matched(s.Pattern.SubexpNames(), groups)
	path, query := r.made(s.Path, run), ""
	if s.Query != nil {
		query = "?" + r.madeQuery(s.Query, run)
	}
	if asked := strings.TrimPrefix(r.x.Query, "?"); !s.DropQuery && asked != "" {
		if query == "" {
			query = "?"
		} else if query != "?" {
			query += "&"
		}
		query += asked
	}
	if s.Redirect != 0 {
		return true, r.redirectedBySnippet(s.Redirect, path+query)
	}
	if path == "" {
		return true, internalError("a snippet makes an empty path")
	}
	made, err := gatelodge.RewrittenPath(path)
	if err != nil {
		return true, badRequest("the rewritten path " + err.Error())
	}
	if query == "?" {
		query = ""
	}
	r.path, r.x.Query = made, escapeTarget(query)
	switch run.moved = true; s.Then {
	case gatelodge.ThenRoute:
		return true, nil
	case gatelodge.ThenStay:
		run.moved, run.stays = false, true
		return true, nil
	}
	return false, nil
}

// madeQuery makes the text of a query, to which what a group matched adds no argument.
func (r *request) madeQuery(t gatelodge.Template, run *snippetRun) string {
	var b strings.Builder
	for i := range t {
		text := r.value(&t[i])
		if t[i].Value == gatelodge.PatternGroup {
			text = url.QueryEscape(text)
		}
		b.WriteString(text)
	}
	run.made += b.Len()
	return b.String()
}

// snippetAccess lets clients in by the rules of the scope that holds, and answers
// where there is no backend.
func snippetAccess(p *gatelodge.Policy) step {
	if p.Snippet == nil {
		return nil
	}
	return func(r *request) *answer {
		if run := r.held.snippet; run.scope != nil {
			client := r.x.Client.Addr()
			for i := range run.scope.Access {
				rule := &run.scope.Access[i]
				if rule.Clients.Contains(client) {
					if !rule.Allow {
						return forbidden("the client's address is denied by a snippet")
					}
					break
				}
			}
		}
		if p.Snippet.Answers {
			return notFound("a location of a server-snippet has no backend")
		}
		return nil
	}
}
