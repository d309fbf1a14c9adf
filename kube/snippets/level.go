package snippets

import (
	"slices"

	gatelodge "gatelodge.dev"
)

// level is a block of directives: a server's or a location's, or an if in one of
// them. It holds what its own directives say; nil is inherited.
type level struct {
	steps []step

	add         []gatelodge.FieldEdit // add_header
	more        []gatelodge.FieldEdit // more_set_headers and more_clear_headers
	input       []gatelodge.FieldEdit // the same of the request
	toBackend   []gatelodge.FieldEdit // proxy_set_header
	hide        []gatelodge.FieldEdit // proxy_hide_header
	expires     []gatelodge.FieldEdit
	host        gatelodge.Template
	access      []gatelodge.AccessRule
	contentType string
}

// step is a directive of the rewrite phase; block is that of an if.
type step struct {
	gatelodge.SnippetStep
	block *level
}

// under returns the level with what it inherits from one around it, as nginx merges
// them: headers-more adds to the outer directives, and all others replace them.
func (l *level) under(outer *level) *level {
	in := *l
	if outer == nil {
		return &in
	}
	inherit := func(own *[]gatelodge.FieldEdit, outer []gatelodge.FieldEdit) {
		if *own == nil {
			*own = outer
		}
	}
	inherit(&in.add, outer.add)
	inherit(&in.toBackend, outer.toBackend)
	inherit(&in.hide, outer.hide)
	inherit(&in.expires, outer.expires)
	in.more = slices.Concat(outer.more, l.more)
	in.input = slices.Concat(outer.input, l.input)
	if in.host == nil {
		in.host = outer.host
	}
	if in.access == nil {
		in.access = outer.access
	}
	if in.contentType == "" {
		in.contentType = outer.contentType
	}
	return &in
}

// scope returns what holds at the level, which has inherited. nginx's filters work in
// this order.
func (l *level) scope() *gatelodge.SnippetScope {
	return &gatelodge.SnippetScope{
		Input:       l.input,
		Fields:      gatelodge.FieldEdits{Request: l.toBackend, Response: slices.Concat(l.hide, l.more, l.expires, l.add)},
		Host:        l.host,
		Access:      l.access,
		ContentType: l.contentType,
	}
}

// compiled returns the steps with the scopes of the blocks in them. In a server's
// block there is none.
func (l *level) compiled(scoped bool) []gatelodge.SnippetStep {
	steps := make([]gatelodge.SnippetStep, len(l.steps))
	for i, s := range l.steps {
		steps[i] = s.SnippetStep
		if s.block == nil {
			continue
		}
		condition := *s.SnippetStep.(*gatelodge.SnippetIf) // only an if has a block
		inside := s.block.under(l)
		condition.Then = inside.compiled(scoped)
		if scoped {
			condition.Scope = inside.scope()
		}
		steps[i] = &condition
	}
	return steps
}
