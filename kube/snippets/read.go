package snippets

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	gatelodge "gatelodge.dev"
)

// Problem is what can't be done of a snippet.
type Problem struct {
	Message  string // begins with the position
	Protects bool   // without it clients may be let in that the author keeps out
}

// maxProblems is how many problems are told of a text.
const maxProblems = 20

// Location is what a configuration-snippet says, or a location in a server-snippet.
type Location struct {
	match   gatelodge.PathMatch
	path    string         // of a location in a server-snippet, "" for a configuration-snippet
	pattern *regexp.Regexp // with PathPattern
	level   *level
	source

	// Of a configuration-snippet; nil: what the annotations say.
	timeouts  *gatelodge.RouteTimeouts
	bodyBytes *int64
	gzip      *bool
}

// Server is what a server-snippet says.
type Server struct {
	locations []*Location // in the order of the text
	rest      *Location   // for the paths that no other is for
	level     *level
	source

	mu   sync.Mutex
	over map[*Location]*gatelodge.Snippet // what Snippet has made
}

// maxOver bounds how many of a server's Snippets are kept for the next host.
const maxOver = 64

// source is what is known of the text.
type source struct {
	key       string
	names     []string
	groups    bool
	protects  bool
	variables map[string]bool // that are set

	size, patterns, edits, ifs int // octets, parts of expressions, fields that are changed, blocks
}

// Bytes says about how much memory it takes, by itself and on each host where it
// holds: every if has the fields that are changed outside of it.
func (s *source) Bytes() (alone, onHost int64) {
	scopes := int64(s.edits+1) * int64(s.ifs+1)
	return 16*int64(s.size) + 64*int64(s.patterns) + 160*scopes, 1024 + 32*scopes
}

// ReadLocation reads the texts of a configuration-snippet, one behind the other. They may
// have variables that the server-snippet of the same Ingress sets, which may be nil. grpc
// says that the backends speak gRPC.
func ReadLocation(server *Server, grpc bool, texts ...string) (*Location, []Problem) {
	r := newReader(texts...)
	r.grpc = grpc
	if server != nil {
		maps.Copy(r.variables, server.variables)
	}
	l := &Location{level: &level{}}
	for _, text := range texts {
		r.text(text, l.level, inLocation)
	}
	l.source, l.timeouts, l.bodyBytes, l.gzip = r.source, r.timeouts, r.bodyBytes, r.gzip
	return l, r.problems
}

// ReadAuth reads an auth-snippet: the fields that the service of an auth-url gets. It
// may have the variables of the other snippets of the Ingress, each of which may be nil.
func ReadAuth(text string, server *Server, location *Location) ([]gatelodge.FieldEdit, []Problem) {
	r := newReader(text)
	if server != nil {
		maps.Copy(r.variables, server.variables)
	}
	if location != nil {
		maps.Copy(r.variables, location.variables)
	}
	l := &level{}
	r.text(text, l, inAuth)
	if l.host != nil {
		r.problem("proxy_set_header can't set Host in an auth-snippet: it is that of auth-url", true)
	}
	return l.toBackend, r.problems
}

// ReadServer reads the texts of a server-snippet, one behind the other.
func ReadServer(texts ...string) (*Server, []Problem) {
	r := newReader(texts...)
	s := &Server{rest: &Location{match: gatelodge.PathStart, path: "/", level: &level{}}, level: &level{}}
	for _, text := range texts {
		r.text(text, s.level, inServer)
	}
	s.locations, s.source = r.locations, r.source
	for _, l := range s.locations { // of each text is the server's
		l.source = source{key: fmt.Sprint(l.match, " ", l.path), names: []string{"location"}, protects: l.level.protects(), groups: s.groups}
	}
	return s, r.problems
}

// Snippet returns what holds on a route under the two, each of which may be nil. It is
// the same for the same two.
func Snippet(server *Server, location *Location) *gatelodge.Snippet {
	if server == nil {
		if location == nil {
			return nil
		}
		return combined(nil, location)
	}
	server.mu.Lock()
	defer server.mu.Unlock()
	made := server.over[location]
	if made == nil {
		if server.over == nil || len(server.over) == maxOver {
			server.over = make(map[*Location]*gatelodge.Snippet)
		}
		made = combined(server, location)
		server.over[location] = made
	}
	return made
}

func combined(server *Server, location *Location) *gatelodge.Snippet {
	made := &gatelodge.Snippet{}
	inner := &level{}
	add := func(s *source) {
		made.Key += s.key + ";"
		made.Groups = made.Groups || s.groups
		made.Protects = made.Protects || s.protects
		made.Names = strings.TrimSpace(made.Names + " " + strings.Join(s.names, " "))
	}
	if location != nil {
		inner = location.level
	}
	if server != nil {
		add(&server.source)
		made.Server = server.level.compiled(false)
		inner = inner.under(server.level)
	}
	if location != nil {
		add(&location.source)
		made.Location = inner.compiled(true)
		made.Answers = location.path != ""
	}
	made.Scope = inner.scope()
	return made
}

// Same reports whether both are one text; neither is nil.
func (s *Server) Same(t *Server) bool { return s != nil && t != nil && s.key == t.key }

// Protects reports whether it may keep clients out.
func (s *source) Protects() bool { return s.protects }

// SetOn sets what a configuration-snippet asks for, but for what the server-snippet of a
// host adds to it. A nil Location asks for nothing.
func (l *Location) SetOn(p *gatelodge.Policy) {
	if l == nil {
		return
	}
	p.Snippet = Snippet(nil, l)
	if l.bodyBytes != nil {
		p.BodyBytes = l.bodyBytes
	}
	if l.timeouts != nil {
		timeouts := *l.timeouts
		if p.Timeouts != nil {
			timeouts = *p.Timeouts
			timeouts.Connect = cmp.Or(l.timeouts.Connect, timeouts.Connect)
			timeouts.Send = cmp.Or(l.timeouts.Send, timeouts.Send)
			timeouts.Read = cmp.Or(l.timeouts.Read, timeouts.Read)
		}
		p.Timeouts = &timeouts
	}
	switch {
	case l.gzip == nil:
	case !*l.gzip:
		p.Compression = nil
	case p.Compression == nil: // with nginx's defaults
		p.Compression = &gatelodge.Compression{Codings: []gatelodge.Coding{gatelodge.Gzip}, Types: gatelodge.MediaTypes{"text/html"}, MinBytes: 20}
	}
}

// context is where a directive stands.
type context uint8

const (
	inServer context = 1 << iota
	inServerIf
	inLocation
	inLocationIf
	inAuth

	atLevels   = inServer | inLocation
	inLocals   = inServer | inLocation | inLocationIf
	everywhere = inServer | inServerIf | inLocation | inLocationIf
)

// String is the place as messages say it.
func (c context) String() string {
	switch c {
	case inServer:
		return "in a server-snippet"
	case inServerIf:
		return "in an if of a server-snippet"
	case inLocationIf:
		return "in an if"
	case inAuth:
		return "in an auth-snippet"
	}
	return "in a location"
}

// reader reads the texts of one snippet.
type reader struct {
	source
	table     map[string]row
	grpc      bool // backends speak gRPC
	locations []*Location
	timeouts  *gatelodge.RouteTimeouts
	bodyBytes *int64
	gzip      *bool
	problems  []Problem
}

func newReader(texts ...string) *reader {
	text := strings.Join(texts, "\n")
	sum := sha256.Sum256([]byte(text))
	return &reader{table: directiveTable(), source: source{size: len(text), key: hex.EncodeToString(sum[:12]), variables: make(map[string]bool)}}
}

func (r *reader) text(text string, l *level, in context) {
	directives, err := Parse(text)
	if err != nil {
		r.problem(err.Error(), true)
		return
	}
	r.variablesOf(directives)
	r.block(directives, l, in)
}

// variablesOf notes the variables that are set anywhere in the text: as in nginx, one
// may be read before it is set.
func (r *reader) variablesOf(directives []*Directive) {
	for _, d := range directives {
		if d.Name == "set" && len(d.Args) == 2 {
			r.variables[strings.TrimPrefix(d.Args[0], "$")] = true
		}
		r.variablesOf(d.Block)
	}
}

func (r *reader) problem(message string, protects bool) {
	r.protects = r.protects || protects
	if len(r.problems) == maxProblems {
		// What is told no more must not be forgotten.
		last := &r.problems[maxProblems-1]
		last.Protects = last.Protects || protects
		return
	}
	r.problems = append(r.problems, Problem{message, protects})
}

// block reads directives into a level.
func (r *reader) block(directives []*Directive, l *level, in context) {
	for _, d := range directives {
		if !slices.Contains(r.names, d.Name) {
			r.names = append(r.names, d.Name)
		}
		row, known := r.table[d.Name]
		switch {
		case !known && isHarmless(d.Name):
			r.problem(fmt.Sprintf("%s: %s is not honoured%s", d.At, d.Name, insteadOf(d.Name)), false)
		case !known:
			r.problem(fmt.Sprintf("%s: %.60s is not honoured, and it may be a protection%s", d.At, d.Name, insteadOf(d.Name)), true)
		default:
			err := r.directive(row, d, l, in)
			if err != nil {
				r.problem(fmt.Sprintf("%s: %s %v", d.At, d.Name, err), !errors.Is(err, errNoEffect) && (row.protects || errors.As(err, new(insecure))))
			}
			r.protects = r.protects || row.protects && !errors.Is(err, errNoEffect)
		}
	}
}

// insecure is an error in what may be a protection.
type insecure struct{ error }

func (r *reader) directive(row row, d *Directive, l *level, in context) error {
	switch {
	case row.in&in == 0 && d.Name == "location":
		return fmt.Errorf("can't stand %s: it belongs into a server-snippet", in)
	case row.in&in == 0:
		return fmt.Errorf("can't stand %s", in)
	case d.HasBlock != row.block && row.block:
		return errors.New("has no block")
	case d.HasBlock != row.block:
		return errors.New("has a block, which it can't have")
	case len(d.Args) < row.least || len(d.Args) > row.most:
		return errors.New("has an invalid number of arguments")
	}
	return row.read(r, d, l, in)
}

// template reads text with variables.
func (r *reader) template(text string) (gatelodge.Template, error) {
	t, err := gatelodge.ParseTemplateWith(text, func(name string) bool { return r.variables[name] })
	if err != nil {
		return nil, err
	}
	for _, part := range t {
		r.groups = r.groups || part.Value == gatelodge.PatternGroup
	}
	return t, nil
}

// protects reports whether the level keeps clients out.
func (l *level) protects() bool {
	return l.access != nil || len(l.steps) > 0
}
