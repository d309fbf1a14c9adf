package explain

import (
	"time"

	gatelodge "gatelodge.dev"
)

// State is the result of a step. The names are those of the JSON form.
type State string

// The states, the worst last.
const (
	Info    State = "info"    // nothing to judge
	OK      State = "ok"      // it works
	Warning State = "warning" // a request is not fulfilled, or something failed lately
	Broken  State = "broken"  // the request stops here
)

// rank returns the order of states, the worst last.
func (s State) rank() int {
	switch s {
	case OK:
		return 1
	case Warning:
		return 2
	case Broken:
		return 3
	}
	return 0
}

// Kind names a step. The set is fixed; the order is that of a Document.
type Kind string

// The steps.
const (
	Owner       Kind = "owner"       // the owner of the name, and rejected claims
	Delegation  Kind = "delegation"  // of its zone, by the servers of the parent zone
	Answer      Kind = "answer"      // of one view; one step for each view
	Listener    Kind = "listener"    // that receives the request
	Certificate Kind = "certificate" // in the handshake
	Redirect    Kind = "redirect"    // to HTTPS or elsewhere
	Route       Kind = "route"       // and the other routes of the host
	Policies    Kind = "policies"    // in their order
	Backend     Kind = "backend"     // with its endpoints
	Requests    Kind = "requests"    // the last ones
	Problems    Kind = "problems"    // of the objects involved that no other step has
)

// Document is the explanation of one URL. Its JSON form is that of /api/explain.
type Document struct {
	Query      string         `json:"query"` // as it was written
	URL        string         `json:"url"`   // as it was understood
	Scheme     string         `json:"scheme"`
	Name       gatelodge.Name `json:"name"`
	Path       string         `json:"path"` // canonical
	At         time.Time      `json:"at"`
	Generation uint64         `json:"generation"` // of the snapshot; 0: offline
	State      State          `json:"state"`      // the worst of the steps
	Cause      *Cause         `json:"cause"`      // null: nothing is wrong
	Steps      []Step         `json:"steps"`
}

// Cause is the step to look at first.
type Cause struct {
	Step  int    `json:"step"` // its index
	Kind  Kind   `json:"kind"`
	State State  `json:"state"`
	Text  string `json:"text"`
	Do    string `json:"do"`
}

// Step is one line of the explanation.
type Step struct {
	Kind  Kind   `json:"kind"`
	Title string `json:"title"` // for people: "Owner", "DNS, view default"
	State State  `json:"state"`
	Text  string `json:"text"` // the finding, a sentence without a full stop
	Do    string `json:"do"`   // what to do about it; "": nothing
	Items []Item `json:"items"`
}

// Item is a detail of a step: an endpoint, a request, another route.
type Item struct {
	Label string     `json:"label"` // what it is: an address, a path, an object
	Text  string     `json:"text"`
	State State      `json:"state"`
	At    *time.Time `json:"at,omitempty"` // when it happened, or will
}

// add appends an item.
func (s *Step) add(state State, label, text string) {
	s.Items = append(s.Items, Item{Label: label, Text: text, State: state})
}

// addAt appends an item with a time.
func (s *Step) addAt(state State, label, text string, at time.Time) {
	at = at.UTC().Truncate(time.Millisecond)
	s.Items = append(s.Items, Item{Label: label, Text: text, State: state, At: &at})
}

// worse sets the finding of the step, unless it has one that is as bad.
func (s *Step) worse(state State, text, do string) {
	if state.rank() > s.State.rank() {
		s.State, s.Text, s.Do = state, text, do
	}
}

// conclude sets the state of the document, and its cause: the first step that is
// broken, or else the first with a warning.
func (d *Document) conclude() {
	d.State = OK
	for i := range d.Steps {
		s := &d.Steps[i]
		if s.Items == nil {
			s.Items = []Item{}
		}
		if s.State.rank() > d.State.rank() {
			d.State = s.State
			d.Cause = &Cause{Step: i, Kind: s.Kind, State: s.State, Text: s.Text, Do: s.Do}
		}
	}
}

// Whole reports whether a Document that was read is consistent, so that it can be
// written.
func (d *Document) Whole() bool {
	return len(d.Steps) > 0 && (d.Cause == nil || d.Cause.Step >= 0 && d.Cause.Step < len(d.Steps))
}
