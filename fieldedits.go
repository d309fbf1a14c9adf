package gatelodge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// FieldEdits change the fields of requests to a backend and of responses to
// clients, each list in order. They run after the gateway added its own fields, and
// also change responses that the gateway generates.
type FieldEdits struct {
	Request  []FieldEdit
	Response []FieldEdit
}

// FieldEdit is one change of a field.
type FieldEdit struct {
	Change FieldChange
	Name   string   // in lower case
	Value  Template // empty: the field is cleared, or not added

	Prefix      bool     // for ClearField: clear all fields whose names begin with Name
	Existing    bool     // only if the field exists
	Statuses    []uint16 // response statuses it applies to; nil: all
	Types       []string // response media types it applies to, without parameters; nil: all
	FromBackend bool     // only in responses from a backend
}

// FieldChange is the operation of a FieldEdit.
type FieldChange uint8

// The operations.
const (
	SetField   FieldChange = iota // replace all fields of that name
	AddField                      // add another field of that name
	ClearField                    // remove all fields of that name; Value is ignored
)

// AddHeaderStatuses are the statuses of responses to which nginx's add_header
// without "always" applies.
var AddHeaderStatuses = []uint16{200, 201, 204, 206, 301, 302, 303, 304, 307, 308}

// Bounds of one list of FieldEdits.
const (
	MaxFieldEdits = 64
	MaxFieldText  = 16 << 10 // bytes of all names and constant texts
)

// Check returns an error if an edit is not allowed or there are too many. The error
// names the field.
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

// isFramingField reports whether a field delimits a message, names its host, or
// controls the connection (RFC 9110 §7.6.1). Editing such a field could split one
// message into two, or evade the policies of another host.
func isFramingField(name string) bool {
	switch name {
	case "connection", "content-length", "expect", "host", "http2-settings", "keep-alive", "proxy-connection",
		"te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// String lists the edits. Request edits are listed by name only, because their
// values may be secrets.
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

// String returns the name of the operation.
func (c FieldChange) String() string { return [...]string{"set", "add", "clear"}[c] }
