package gatelodge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FieldEdits change the fields of requests to a backend and those of responses to
// clients, each list in its order. Requests are changed after the gateway's own
// fields were added, and responses too, those included that the gateway makes.
type FieldEdits struct {
	Request  []FieldEdit
	Response []FieldEdit
}

// FieldEdit is one change of a field.
type FieldEdit struct {
	Change FieldChange
	Name   string   // in lower case
	Value  Template // the empty text clears the field, or adds none

	Prefix      bool     // of a ClearField: all fields whose names begin with Name
	Existing    bool     // only where there is such a field
	Statuses    []uint16 // of the response; nil: all
	Types       []string // the Content-Type without parameters; nil: all
	FromBackend bool     // only in a response that a backend made
}

// FieldChange is what is done with a field.
type FieldChange uint8

// The changes.
const (
	SetField   FieldChange = iota // in place of all of that name
	AddField                      // beside those of that name
	ClearField                    // all of that name; Value is not looked at
)

// AddHeaderStatuses are those of the responses that nginx's add_header adds a field
// to without "always".
var AddHeaderStatuses = []uint16{200, 201, 204, 206, 301, 302, 303, 304, 307, 308}

// Bounds of one list of FieldEdits.
const (
	MaxFieldEdits = 64
	MaxFieldText  = 16 << 10 // octets of all names and texts
)

// Check fails for edits that can't be made, or are too many. What is wrong with a
// field is said of its name.
func (f *FieldEdits) Check() error {
	for _, edits := range [][]FieldEdit{f.Request, f.Response} {
		if len(edits) > MaxFieldEdits {
			return fmt.Errorf("changes %d fields, the most is %d", len(edits), MaxFieldEdits)
		}
		octets := 0
		for i := range edits {
			if err := edits[i].check(); err != nil {
				return fmt.Errorf("changes the field %.60q, %w", edits[i].Name, err)
			}
			octets += len(edits[i].Name)
			for _, part := range edits[i].Value {
				octets += len(part.Text)
			}
		}
		if octets > MaxFieldText {
			return fmt.Errorf("has %d octets of names and values of fields, the most is %d", octets, MaxFieldText)
		}
	}
	return nil
}

func (e *FieldEdit) check() error {
	switch {
	case !IsFieldName(e.Name) && !(e.Prefix && e.Name == ""):
		return errors.New("which is not a valid name")
	case isFramingField(e.Name):
		return errors.New("which is the gateway's own: it says where a message ends, or is about the connection")
	case len(e.Value) > MaxTemplateParts:
		return fmt.Errorf("whose value has %d parts, the most is %d", len(e.Value), MaxTemplateParts)
	}
	for _, part := range e.Value {
		if part.Value == LiteralText && !IsFieldText(part.Text) {
			return errors.New("whose value holds a control character")
		}
	}
	return nil
}

// IsFieldName reports whether name is a field name in lower case (RFC 9110 §5.1).
func IsFieldName(name string) bool {
	return name != "" && strings.Trim(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// IsFieldText reports whether text may stand in a field's value (RFC 9110 §5.5).
func IsFieldText(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// isFramingField reports whether a field decides where a message ends, for which
// host it is, or what becomes of the connection (RFC 9110 §7.6.1): an edit of it
// could split a message in two, or lead past the policies of another host.
func isFramingField(name string) bool {
	switch name {
	case "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-connection",
		"te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// String lists the edits in the text form. Of a request it has the names alone:
// what a backend is told may be a secret.
func (f *FieldEdits) String() string {
	var b strings.Builder
	for _, e := range f.Request {
		fmt.Fprintf(&b, " request-field=%s:%s", e.Change, e.Name)
	}
	for _, e := range f.Response {
		fmt.Fprintf(&b, " response-field=%s:%s", e.Change, e.Name)
		if e.Change != ClearField {
			fmt.Fprintf(&b, "=%q", e.Value)
		}
		switch {
		case slices.Equal(e.Statuses, AddHeaderStatuses):
			b.WriteString("(success)")
		case e.Statuses != nil:
			fmt.Fprintf(&b, "%v", e.Statuses)
		}
		if e.FromBackend {
			b.WriteString("(backend)")
		}
	}
	return b.String()
}

// String is the change in a word.
func (c FieldChange) String() string { return [...]string{"set", "add", "clear"}[c] }
