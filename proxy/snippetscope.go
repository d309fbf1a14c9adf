package proxy

import (
	gatelodge "gatelodge.dev"
)

// scopeEdits are the changes of fields in a scope.
type scopeEdits struct {
	input, fields editList
}

// compileScopes compiles every scope of a snippet.
func compileScopes(s *gatelodge.Snippet) map[*gatelodge.SnippetScope]*scopeEdits {
	scopes := make(map[*gatelodge.SnippetScope]*scopeEdits)
	add := func(scope *gatelodge.SnippetScope) {
		if scope != nil {
			scopes[scope] = &scopeEdits{compileEdits(scope.Input, nil), compileEdits(scope.Fields.Request, scope.Fields.Response)}
		}
	}
	var walk func([]gatelodge.SnippetStep)
	walk = func(steps []gatelodge.SnippetStep) {
		for _, s := range steps {
			if s, ok := s.(*gatelodge.SnippetIf); ok {
				add(s.Scope)
				walk(s.Then)
			}
		}
	}
	add(s.Scope)
	walk(s.Location)
	return scopes
}

// enter applies the scope in which the rewrite phase ended. goesOn is false if the
// request was answered there.
func (r *request) enter(edits *scopeEdits, goesOn bool) *answer {
	if edits == nil {
		return nil
	}
	if goesOn && len(edits.input.request) > 0 {
		input, refused := edits.input.with(r)
		if refused != nil {
			return refused
		}
		r.held.input = input.request
		for i := range input.request {
			input.request[i].applyTo(&r.x.Header, r.x.Header)
		}
	}
	if host := r.held.snippet.scope.Host; host != nil && goesOn {
		text := r.text(host)
		if _, ok := canonicalHost(text); !ok {
			return badRequest("the Host that a snippet sets is not valid")
		}
		r.held.host = text
	}
	fields, refused := edits.fields.with(r)
	if refused != nil {
		return refused
	}
	r.held.fields = append(r.held.fields[:len(r.held.fields):len(r.held.fields)], fields.request...)
	r.response.edits = append(r.response.edits[:len(r.response.edits):len(r.response.edits)], fields.response...)
	return nil
}

// snippetVariable returns the value of a variable that a snippet set.
func (r *request) snippetVariable(name string) string {
	if r.held == nil || r.held.snippet == nil {
		return ""
	}
	for i := range r.held.snippet.variables {
		if v := &r.held.snippet.variables[i]; v.name == name {
			return v.value
		}
	}
	return ""
}

// snippetGroup returns what a group of the last expression matched; name is its digit.
func (r *request) snippetGroup(name string) string {
	if r.held == nil || r.held.snippet == nil {
		return ""
	}
	if i := int(name[0] - '0'); i < len(r.held.snippet.groups) {
		return r.held.snippet.groups[i]
	}
	return ""
}

// target returns the path and query of the client's request, before any change.
func (r *request) target() string {
	if r.asked != "" {
		return r.asked
	}
	return r.x.Path + r.x.Query
}
