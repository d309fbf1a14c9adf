package gatelodge

import "strings"

// Levels name the labels below a zone, so that a host name says where it belongs in
// an organisation. In the zone pke.example.com with the levels domain and project,
// app.web.marketing.pke.example.com belongs to the domain marketing and the project
// web.
type Levels struct {
	Zone  Name
	Names []string // names of the levels, from the zone downwards
}

// Level is one level of a name.
type Level struct {
	Name  string // one of Levels.Names
	Label string
}

// Of returns as many levels of a name as it has labels for. The asterisk of a
// wildcard is not the value of a level.
func (l *Levels) Of(name Name) []Level {
	labels := l.labels(name)
	levels := make([]Level, 0, len(l.Names))
	for i, level := range l.Names {
		if at := len(labels) - 1 - i; at >= 0 && labels[at] != "*" {
			levels = append(levels, Level{level, labels[at]})
		}
	}
	return levels
}

// Short returns the name without all levels except the last. ok is false unless the
// name is below the last level: the short form of a level itself could be mistaken
// for a higher level.
func (l *Levels) Short(name Name) (short Name, ok bool) {
	labels, levels := l.labels(name), len(l.Names)
	if levels < 2 || len(labels) <= levels {
		return "", false
	}
	return Name(strings.Join(labels[:len(labels)-levels+1], ".") + "." + string(l.Zone)), true
}

// labels returns the labels of a name in front of its zone, which must contain it.
func (l *Levels) labels(name Name) []string {
	before, below := strings.CutSuffix(string(name), "."+string(l.Zone))
	if !below {
		return nil
	}
	return strings.Split(before, ".")
}

// LevelsOf returns the levels of a name, or nil if its zone defines none.
func (s *Snapshot) LevelsOf(name Name) []Level {
	if levels := LevelsAt(s.Levels, name); levels != nil {
		return levels.Of(name)
	}
	return nil
}

// LevelsAt returns the Levels of the most specific zone that contains the name, or
// nil.
func LevelsAt(all []Levels, name Name) (found *Levels) {
	for i := range all {
		if l := &all[i]; name.Within(l.Zone) && (found == nil || len(l.Zone) > len(found.Zone)) {
			found = l
		}
	}
	return found
}
