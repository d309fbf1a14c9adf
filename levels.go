package gatelodge

import "strings"

// Levels gives the labels below a zone their meaning, so that a name tells where
// in an organisation it belongs: in a zone pke.example.com with the levels domain and
// project, app.web.marketing.pke.example.com belongs to the domain marketing and
// to the project web.
type Levels struct {
	Zone  Name
	Names []string // of the levels, from the zone down
}

// Level is one level of a name.
type Level struct {
	Name  string // of Levels.Names
	Label string
}

// Of returns the levels of a name, as many as it has. A wildcard has none where its
// asterisk stands.
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

// Short returns the name without all levels but the last. Only a name below the last
// level has one: that of a level itself would stand among the levels above it.
func (l *Levels) Short(name Name) (short Name, ok bool) {
	labels, levels := l.labels(name), len(l.Names)
	if levels < 2 || len(labels) <= levels {
		return "", false
	}
	return Name(strings.Join(labels[:len(labels)-levels+1], ".") + "." + string(l.Zone)), true
}

// labels returns those of a name that stand before its zone, which it is in.
func (l *Levels) labels(name Name) []string {
	before, below := strings.CutSuffix(string(name), "."+string(l.Zone))
	if !below {
		return nil
	}
	return strings.Split(before, ".")
}

// LevelsOf returns the levels of a name, none where its zone has none.
func (s *Snapshot) LevelsOf(name Name) []Level {
	if levels := LevelsAt(s.Levels, name); levels != nil {
		return levels.Of(name)
	}
	return nil
}

// LevelsAt returns those of the zone that holds the name, the longest of several;
// nil if there are none.
func LevelsAt(all []Levels, name Name) (found *Levels) {
	for i := range all {
		if l := &all[i]; name.Within(l.Zone) && (found == nil || len(l.Zone) > len(found.Zone)) {
			found = l
		}
	}
	return found
}
