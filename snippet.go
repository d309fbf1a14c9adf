package gatelodge

import (
	"regexp"
	"slices"
)

// Snippet is what the snippets of ingress-nginx ask for on a route. They are nginx's
// configuration, of which kube/snippets makes these values: no text is ever put
// into a configuration, and what has no value here is not done.
//
// As in nginx, the rewrite phase comes first: Server before the route is chosen, and
// Location of the route that was. Then a Scope holds, that of the last SnippetIf that
// was entered or else the Snippet's own, with what it inherits in it.
type Snippet struct {
	Server   []SnippetStep // of the host's server-snippet
	Location []SnippetStep
	Scope    *SnippetScope
	Groups   bool // what the route's own pattern matched is asked for, as $1 to $9
	Answers  bool // there is no backend: what has no answer of its own gets 404

	Key      string // equal for equal texts; it says nothing of them
	Protects bool   // it can keep clients out
	Names    string // of the directives, for the text form: their arguments may be secrets
}

func (s *Snippet) sameProtection(t *Snippet) bool {
	key := func(s *Snippet) string {
		if s == nil || !s.Protects {
			return ""
		}
		return s.Key
	}
	return key(s) == key(t)
}

// PassesRedirect reports whether requests may get past a RedirectTo, which stands behind the
// steps of Location: a break is one that ends them.
func (s *Snippet) PassesRedirect() bool { return s != nil && breaks(s.Location) }

func breaks(steps []SnippetStep) bool {
	return slices.ContainsFunc(steps, func(s SnippetStep) bool {
		switch s := s.(type) {
		case *SnippetIf:
			return breaks(s.Then)
		case *SnippetRewrite:
			return s.Then == ThenStay
		case *SnippetBreak:
			return true
		}
		return false
	})
}

// SnippetScope is what holds where the rewrite phase ends.
type SnippetScope struct {
	Input       []FieldEdit  // of the client's request, before its policies look at it
	Fields      FieldEdits   // of what the backend gets, and of the response
	Host        Template     // the Host field that the backend gets; nil: what it gets otherwise
	Access      []AccessRule // the first one for the client decides; none for it lets it in
	ContentType string       // of the text of a SnippetReturn
}

// AccessRule lets clients in, or keeps them out.
type AccessRule struct {
	Allow   bool
	Clients Networks
}

// SnippetStep is a directive of nginx's rewrite module.
type SnippetStep interface{ snippetStep() }

// SnippetSet sets a variable. One that is set nowhere yet has the empty text.
type SnippetSet struct {
	Variable string // "args" is the request's query
	Value    Template
}

// SnippetIf does its Steps where the condition is true; from then on its Scope holds.
type SnippetIf struct {
	Subject TemplatePart
	Compare SnippetCompare
	Negated bool
	Text    Template       // that the subject is compared with
	Pattern *regexp.Regexp // that it is matched with; the names of groups are variables
	Then    []SnippetStep
	Scope   *SnippetScope // nil in a server's, where nothing but steps may be
}

// SnippetCompare is how a condition looks at its subject.
type SnippetCompare uint8

// The ways to compare.
const (
	CompareTrue    SnippetCompare = iota // it is neither empty nor "0"
	CompareText                          // it is equal to Text
	ComparePattern                       // Pattern matches it
)

// SnippetReturn answers the request.
type SnippetReturn struct {
	Status   int      // CloseConnection: without a response
	Location Template // where the client is redirected; a path is one of the same host
	Text     Template // the body
}

// CloseConnection is the status of nginx's that ends a connection without an answer.
const CloseConnection = 444

// SnippetRewrite changes the path, or redirects, where the pattern matches the path in
// the form of PatternForm.
type SnippetRewrite struct {
	Pattern   *regexp.Regexp
	Path      Template // or the URL of a redirect
	Query     Template // goes before the client's query; nil: nothing is added
	DropQuery bool     // the client's query is not kept
	Redirect  int      // the status of a redirect; 0: the path is changed
	Then      SnippetThen
}

// SnippetThen is what follows a SnippetRewrite that matched.
type SnippetThen uint8

// What follows.
const (
	ThenGoOn  SnippetThen = iota // the next step, and at the end the route of the new path
	ThenRoute                    // last: the route of the new path
	ThenStay                     // break: this route, whatever the path is
)

// SnippetBreak ends the rewrite phase.
type SnippetBreak struct{}

func (*SnippetSet) snippetStep()     {}
func (*SnippetIf) snippetStep()      {}
func (*SnippetReturn) snippetStep()  {}
func (*SnippetRewrite) snippetStep() {}
func (*SnippetBreak) snippetStep()   {}
