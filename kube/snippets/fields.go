package snippets

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
)

// maxEdits bounds the fields that a snippet changes, in all of its blocks.
const maxEdits = 128

// appendEdit adds edits to a list of a level, within its bounds.
func (r *reader) appendEdit(to *[]gatelodge.FieldEdit, edits ...gatelodge.FieldEdit) error {
	if r.edits += len(edits); r.edits > maxEdits {
		return fmt.Errorf("changes more fields than the %d that a snippet may change", maxEdits)
	}
	list := slices.Concat(*to, edits)
	if err := (&gatelodge.FieldEdits{Response: list}).Check(); err != nil {
		return err
	}
	*to = list
	return nil
}

func readAddHeader(r *reader, d *Directive, l *level, _ context) error {
	edit := gatelodge.FieldEdit{Change: gatelodge.AddField, Name: strings.ToLower(d.Args[0]), Statuses: gatelodge.AddHeaderStatuses}
	if len(d.Args) == 3 {
		if d.Args[2] != "always" {
			return fmt.Errorf("has %.40q where only always is known", d.Args[2])
		}
		edit.Statuses = nil
	}
	if edit.Name == "last-modified" || edit.Name == "etag" {
		edit.Change = gatelodge.SetField // nginx has no second one of these
	}
	var err error
	if edit.Value, err = r.template(d.Args[1]); err != nil {
		return err
	}
	return r.appendEdit(&l.add, edit)
}

// moreOptions are the options of the directives of headers-more.
type moreOptions struct {
	statuses []uint16
	types    []string
	existing bool
	add      bool
}

// readOptions takes the options from the arguments.
func readOptions(args []string, input bool) (o moreOptions, rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		option := args[0]
		args = args[1:]
		switch {
		case option == "-r" && input:
			o.existing = true
			continue
		case option == "-a" && !input:
			o.add = true
			continue
		case len(args) == 0:
			return o, nil, fmt.Errorf("has the option %.20s without a value", option)
		case option == "-t":
			o.types = append(o.types, strings.Fields(args[0])...)
		case option == "-s" && !input:
			for word := range strings.FieldsSeq(args[0]) {
				status, err := strconv.ParseUint(word, 10, 16)
				if err != nil || status < 100 || status > 999 {
					return o, nil, fmt.Errorf("has the status %.20q, which is not valid", word)
				}
				o.statuses = append(o.statuses, uint16(status))
			}
		default:
			return o, nil, fmt.Errorf("has the option %.20s, which is not known", option)
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return o, nil, errors.New("names no field")
	}
	if len(o.statuses) > maxWords || len(o.types) > maxWords {
		return o, nil, fmt.Errorf("has more than %d statuses or types", maxWords)
	}
	return o, args, nil
}

// readMore reads the four directives of headers-more. A Host that is set is the one
// that the backend gets.
func readMore(r *reader, d *Directive, l *level, _ context) error {
	input, clears := strings.Contains(d.Name, "_input_"), strings.Contains(d.Name, "_clear_")
	options, fields, err := readOptions(d.Args, input)
	if err != nil {
		return err
	}
	var edits []gatelodge.FieldEdit
	for _, field := range fields {
		edit := gatelodge.FieldEdit{Change: gatelodge.ClearField, Statuses: options.statuses, Types: options.types, Existing: options.existing}
		name, value, _ := strings.Cut(field, ":")
		edit.Name = strings.ToLower(strings.TrimSpace(name))
		value = strings.TrimSpace(value)
		switch {
		case clears:
			edit.Name, edit.Prefix = strings.CutSuffix(edit.Name, "*")
		case value != "":
			edit.Change = gatelodge.SetField
			if options.add {
				edit.Change = gatelodge.AddField
			}
			if edit.Value, err = r.template(value); err != nil {
				return err
			}
			if input && edit.Name == "host" && edit.Types == nil && !edit.Existing {
				l.host = edit.Value
				continue
			}
		}
		edits = append(edits, edit)
	}
	if input {
		return r.appendEdit(&l.input, edits...)
	}
	return r.appendEdit(&l.more, edits...)
}

// readProxySetHeader: nginx would send a field that the template sets as well twice;
// here the snippet's is the only one.
func readProxySetHeader(r *reader, d *Directive, l *level, in context) error {
	if in == inServer {
		return errNoEffect
	}
	if d.Name == "grpc_set_header" && !r.grpc {
		l = &level{} // nginx sends it to backends of gRPC alone
	}
	name, value := strings.ToLower(d.Args[0]), d.Args[1]
	switch {
	case name == "connection" || name == "upgrade":
		if !slices.Contains([]string{"", "upgrade", "close", "keep-alive", "$http_upgrade", "$connection_upgrade", "$http_connection"}, strings.ToLower(value)) {
			return fmt.Errorf("sets %s, which is the gateway's own: it upgrades connections without it", d.Args[0])
		}
		return nil // which is done without it
	case name == "x-forwarded-for" && value == "$proxy_add_x_forwarded_for":
		return nil // which the field is, of trusted proxies
	}
	text, err := r.template(value)
	if err != nil {
		return err
	}
	if name == "host" {
		l.host = text
		return nil
	}
	return r.appendEdit(&l.toBackend, gatelodge.FieldEdit{Name: name, Value: text})
}

func readProxyHideHeader(r *reader, d *Directive, l *level, _ context) error {
	return r.appendEdit(&l.hide, gatelodge.FieldEdit{Change: gatelodge.ClearField, Name: strings.ToLower(d.Args[0]), FromBackend: true})
}

// expiryStatuses are those of the responses that expires holds for.
var expiryStatuses = gatelodge.AddHeaderStatuses

func readExpires(_ *reader, d *Directive, l *level, _ context) error {
	var expires gatelodge.Template
	var control string
	value := d.Args[0]
	negative, isNegative := strings.CutPrefix(value, "-")
	switch {
	case len(d.Args) > 1 || strings.HasPrefix(value, "@") || strings.Contains(value, "$"):
		return fmt.Errorf("%.60s is not honoured: only a time, off, epoch or max is", strings.Join(d.Args, " "))
	case value == "off":
		l.expires = []gatelodge.FieldEdit{}
		return nil
	case value == "epoch":
		expires, control = gatelodge.Template{{Text: "Thu, 01 Jan 1970 00:00:01 GMT"}}, "no-cache"
	case value == "max":
		expires, control = gatelodge.Template{{Text: "Thu, 31 Dec 2037 23:55:55 GMT"}}, "max-age=315360000"
	default:
		if isNegative {
			value = negative
		}
		after, err := parseTime(value)
		if err != nil {
			return err
		}
		seconds := strconv.FormatInt(int64(after.Seconds()), 10)
		control = "max-age=" + seconds
		if isNegative {
			seconds, control = "-"+seconds, "no-cache"
		}
		expires = gatelodge.Template{{Value: gatelodge.FutureDate, Text: seconds}}
	}
	l.expires = []gatelodge.FieldEdit{
		{Name: "expires", Value: expires, Statuses: expiryStatuses},
		{Name: "cache-control", Value: gatelodge.Template{{Text: control}}, Statuses: expiryStatuses},
	}
	return nil
}
