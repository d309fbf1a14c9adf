package compare

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// WriteText writes a result with differences as text.
func (r Result) WriteText(out io.Writer, a, b Address) error {
	if len(r.Differences) == 0 {
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", gatelodge.Printable(r.Request.String()))
	for _, d := range r.Differences {
		fmt.Fprintf(&text, "  %s\n    %s: %s\n    %s: %s\n", gatelodge.Printable(d.Part), a, shown(d.A), b, shown(d.B))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// shown returns a value as one printable line, whatever a server sent.
func shown(value string) string {
	const most = 300
	switch {
	case value == "":
		return "(none)"
	case len(value) > most:
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return gatelodge.Printable(value)
}

// WriteText writes the counts as a paragraph.
func (s Summary) WriteText(out io.Writer) error {
	text := fmt.Sprintf("%d compared: %d the same, %d different", s.Compared, s.Same, s.Different)
	for _, item := range []struct {
		count int
		what  string
	}{
		{s.Varying, "vary by themselves"},
		{s.Repeated, "repeated, sent once"},
		{s.Unsafe, "not sent, for their method"},
		{s.Unread, "lines not read"},
		{s.LeftOut, "left out, beyond --most"},
	} {
		if item.count > 0 {
			text += fmt.Sprintf("; %d %s", item.count, item.what)
		}
	}
	_, err := fmt.Fprintln(out, text)
	return err
}

// Report is the results of a run in JSON, in the order of their requests.
type Report struct {
	A       string       `json:"a"`
	B       string       `json:"b"`
	Summary Summary      `json:"summary"`
	Results []resultJSON `json:"results"` // those with something to report
}

type resultJSON struct {
	Method      string       `json:"method"`
	URL         string       `json:"url"`
	Differences []Difference `json:"differences,omitempty"`
	Varies      []Difference `json:"varies,omitempty"`
}

// Add adds a result, unless the answers are the same.
func (r *Report) Add(result Result) {
	if len(result.Differences) > 0 || len(result.Varies) > 0 {
		r.Results = append(r.Results, resultJSON{result.Request.Method, result.Request.URL.String(), result.Differences, result.Varies})
	}
}

// WriteJSON writes the report.
func (r *Report) WriteJSON(out io.Writer) error {
	slices.SortFunc(r.Results, func(a, b resultJSON) int {
		return strings.Compare(a.URL+" "+a.Method, b.URL+" "+b.Method)
	})
	if r.Results == nil {
		r.Results = []resultJSON{}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
