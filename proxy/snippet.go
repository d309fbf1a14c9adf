package proxy

import (
	"net/url"
	"strings"

	gatelodge "gatelodge.dev"
)

// snippetRun is the state of the snippets of a request.
type snippetRun struct {
	served    bool                    // the steps of Server were executed
	rooted    bool                    // AppRoot, which comes after them, was executed or skipped
	namespace string                  // the namespace of the snippets
	scope     *gatelodge.SnippetScope // that applies; nil: none
	variables []snippetVariable
	groups    []string // of the last expression that matched; the first is the whole match
	made      int      // octets of text
	moved     bool     // the path was changed, and needs another route
	stays     bool     // after a break the path is not changed again on this route
	routed    int      // how often another route was chosen
}

type snippetVariable struct{ name, value string }

// Limits of the snippets of a request; nginx has the first too.
const (
	mostRerouted    = 10
	mostSnippetText = 64 << 10 // octets
)

// rerouted is the result of a step that chose another route, whose steps are next.
var rerouted = new(answer)

// rewritePhase executes the steps of a route's snippets and applies the scope in which
// they end. As in ingress-nginx it comes after the check of the client's certificate,
// and before the redirect to HTTPS and access control. AppRoot comes after the steps of
// the server-snippet, and RedirectTo after those of the configuration-snippet; a step
// that ends these skips it. None of this happens for a route that can't be served.
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

// snippetRun returns the state, and creates it if the request has none.
func (r *request) snippetRun() *snippetRun {
	h := r.hold()
	if h.snippet == nil {
		h.snippet = &snippetRun{namespace: r.route.source.Object.Namespace}
		r.asked = r.x.Path + r.x.Query
	}
	return h.snippet
}

// serverSteps executes the steps of the server-snippet, once.
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

// locationSteps executes the steps of the configuration-snippet, and the redirect after
// them.
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

// reroute chooses the route of the path that a snippet made. It must be in the
// snippet's own namespace, and all its protections apply.
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

// doSteps executes steps until one ends the phase or answers.
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

// internalError answers for a snippet that can't be executed.
func internalError(why string) *answer {
	return &answer{status: 500, reason: why, text: "Internal Server Error"}
}

// made returns the text of a template, and counts its length.
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

// matched stores what the groups of an expression matched.
func (run *snippetRun) matched(names, groups []string) {
	run.groups = groups
	for i, name := range names {
		if name != "" {
			run.set(name, groups[i])
		}
	}
}

// decodedPath returns a path in the form that nginx compares.
func decodedPath(path string) string { return gatelodge.PatternForm(gatelodge.PathForm(path)) }

// returned answers for a return directive.
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

// escapeTarget escapes all characters that can't be in a URL.
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

// rewritePath changes the path, or redirects, if the expression matches.
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

// madeQuery returns the text of a query; groups are escaped, so they can't add
// arguments.
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

// snippetAccess applies the allow and deny rules of the scope that applies, and answers
// if there is no backend.
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
