package gatelodge

import (
	"regexp"
	"slices"
)

// Snippet is what a route's ingress-nginx snippets ask for. Snippets are nginx
// configuration, which kube/snippets parses into these values: their text never
// becomes part of any configuration, and directives without a counterpart here are
// not supported.
//
// As in nginx, the rewrite phase runs first: Server before the route is chosen, and
// Location on the chosen route. After it one Scope applies: that of the last
// SnippetIf that was entered, or else the Snippet's own. The Scope of a SnippetIf
// includes what it inherits.
type Snippet struct {
	Server   []SnippetStep // from the host's server-snippet
	Location []SnippetStep
	Scope    *SnippetScope
	Groups   bool // the captures of the route's own pattern are used, as $1 to $9
	Answers  bool // there is no backend: requests that no step answers get 404

	Key      string // equal for equal texts; does not reveal the text
	Protects bool   // it can refuse clients
	Names    string // directive names, for the text form; arguments are omitted because they may be secrets
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

// PassesRedirect reports whether a request can skip a RedirectTo, which runs after
// the steps of Location: a break that ends the steps also skips it.
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

// SnippetScope is what applies after the rewrite phase.
type SnippetScope struct {
	Input       []FieldEdit  // of the client's request, before its policies see it
	Fields      FieldEdits   // of the request to the backend, and of the response
	Host        Template     // the Host field sent to the backend; nil: unchanged
	Access      []AccessRule // the first rule that matches the client decides; without a match it is let in
	ContentType string       // of a SnippetReturn with a Text
}

// AccessRule admits or refuses clients.
type AccessRule struct {
	Allow   bool
	Clients Networks
}

// SnippetStep is a directive of nginx's rewrite module.
type SnippetStep interface{ snippetStep() }

// SnippetSet sets a variable. Variables that were never set are empty.
type SnippetSet struct {
	Variable string // "args" is the query of the request
	Value    Template
}

// SnippetIf runs its Steps if the condition is true; from then on its Scope applies.
type SnippetIf struct {
	Subject TemplatePart
	Compare SnippetCompare
	Negated bool
	Text    Template       // compared with the subject
	Pattern *regexp.Regexp // matched against the subject; named groups become variables
	Then    []SnippetStep
	Scope   *SnippetScope // nil at server level, where only steps are allowed
}

// SnippetCompare is how a condition tests its subject.
type SnippetCompare uint8

// The tests.
const (
	CompareTrue    SnippetCompare = iota // it is neither empty nor "0"
	CompareText                          // it is equal to Text
	ComparePattern                       // Pattern matches it
)

// SnippetReturn answers the request.
type SnippetReturn struct {
	Status   int      // CloseConnection: without a response
	Location Template // redirect target; a path stays on the request's host
	Text     Template // response body
}

// CloseConnection is nginx's status for closing the connection without a response.
const CloseConnection = 444

// SnippetRewrite changes the path, or redirects, if its pattern matches the path in
// PatternForm.
type SnippetRewrite struct {
	Pattern   *regexp.Regexp
	Path      Template // or the redirect's URL
	Query     Template // put before the client's query; nil: nothing is added
	DropQuery bool     // drop the client's query
	Redirect  int      // status of the redirect; 0: change the path
	Then      SnippetThen
}

// SnippetThen says what happens after a SnippetRewrite that matched.
type SnippetThen uint8

// The ways to continue.
const (
	ThenGoOn  SnippetThen = iota // run the next step; after the last, choose the route for the new path
	ThenRoute                    // last: choose the route for the new path
	ThenStay                     // break: stay on this route, whatever the new path
)

// SnippetBreak ends the rewrite phase.
type SnippetBreak struct{}

func (*SnippetSet) snippetStep()     {}
func (*SnippetIf) snippetStep()      {}
func (*SnippetReturn) snippetStep()  {}
func (*SnippetRewrite) snippetStep() {}
func (*SnippetBreak) snippetStep()   {}
