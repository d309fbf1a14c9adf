package explain

import (
	"fmt"
	"io"
	"strings"

	gatelodge "gatelodge.dev"
)

// TextOptions are the options of the text form.
type TextOptions struct {
	Color bool // with ANSI escape sequences
	All   bool // the items of every step, not only of those with a mark
}

// marks are the starts of the lines; they differ without colours too.
var marks = map[State]struct{ mark, color string }{
	OK:      {"ok  ", "32"},
	Info:    {"    ", "2"},
	Warning: {"WARN", "33"},
	Broken:  {"STOP", "31;1"},
}

// WriteText writes a Document as lines, with what to do below the marked ones.
func (d *Document) WriteText(w io.Writer, o TextOptions) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", gatelodge.Printable(d.URL))
	width := 0
	for i := range d.Steps {
		width = max(width, len(d.Steps[i].Title))
	}
	for i := range d.Steps {
		s := &d.Steps[i]
		m := marks[s.State]
		fmt.Fprintf(&b, "%s  %-*s  %s\n", o.paint(m.mark, m.color), width, s.Title, gatelodge.Printable(s.Text))
		if s.Do != "" {
			fmt.Fprintf(&b, "%*s%s %s\n", 6+width+2, "", o.paint("do:", m.color), gatelodge.Printable(s.Do))
		}
		for _, item := range s.Items {
			if !o.All && !s.shows(item) {
				continue
			}
			at := ""
			if item.At != nil {
				at = " (" + stamp(*item.At) + ")"
			}
			fmt.Fprintf(&b, "%*s%s\n", 6+width+2, "", o.paint(gatelodge.Printable(item.Label+": "+item.Text+at), marks[item.State].color))
		}
	}
	b.WriteString(d.verdict(o))
	_, err := io.WriteString(w, b.String())
	return err
}

// shows reports whether an item is shown by default.
func (s *Step) shows(item Item) bool {
	if s.State == Warning || s.State == Broken {
		return item.State == Warning || item.State == Broken || s.Kind == Backend || s.Kind == Route && item.Text != differs
	}
	return false
}

func (d *Document) verdict(o TextOptions) string {
	switch d.State {
	case Broken:
		return o.paint(fmt.Sprintf("It stops at %q.", d.Steps[d.Cause.Step].Title), marks[Broken].color) + "\n"
	case Warning:
		return o.paint(fmt.Sprintf("It works, with a warning at %q.", d.Steps[d.Cause.Step].Title), marks[Warning].color) + "\n"
	}
	return o.paint("Nothing is wrong that the gateway knows of.", marks[OK].color) + "\n"
}

func (o TextOptions) paint(text, color string) string {
	if !o.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
