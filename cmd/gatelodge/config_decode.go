package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// configReader collects the problems of one configuration file. It decodes the
// YAML tree itself, because the library's strict mode reports neither the path
// of a key nor what is expected there.
type configReader struct {
	file    string
	written map[string]place // by key path; without keys that have no value
	errs    []*configError
}

// place is where a value is in the file.
type place struct {
	line  int // of its key, or of the item of a list
	value *yaml.Node
}

// err joins the errors in the order of the file.
func (r *configReader) err() error {
	slices.SortStableFunc(r.errs, func(a, b *configError) int { return a.line - b.line })
	var errs []error
	for _, e := range r.errs {
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

func (r *configReader) isWritten(key string) bool {
	_, written := r.written[key]
	return written
}

// fail records an error about a key, at its line or, if the file doesn't have
// it, at the line of its parent.
func (r *configReader) fail(key, format string, args ...any) {
	r.errs = append(r.errs, &configError{r.file, r.line(key), key, fmt.Sprintf(format, args...)})
}

func (r *configReader) line(key string) int {
	for {
		if at, written := r.written[key]; written {
			return at.line
		}
		if key == "" {
			return 0
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
}

// read sets the defaults and decodes a file over them.
func (r *configReader) read(data []byte, into *fileConfig) {
	into.setDefaults()
	documents := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	if err := documents.Decode(&document); err != nil {
		if !errors.Is(err, io.EOF) {
			r.failAt("", "this is not valid YAML: %s", errors.New(strings.TrimPrefix(err.Error(), "yaml: ")))
		}
		return
	}
	if err := documents.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.fail("", "there is more than one YAML document, write only one")
		return
	}
	r.value("", document.Line, document.Content[0], reflect.ValueOf(into).Elem())
}

// failAt records a parser's error, whose message may start with the line.
func (r *configReader) failAt(key, format string, err error) {
	message, line := err.Error(), r.line(key)
	if rest, found := strings.CutPrefix(message, "line "); found {
		number, what, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			message, line = what, n
		}
	}
	r.errs = append(r.errs, &configError{r.file, line, key, fmt.Sprintf(format, message)})
}

// value decodes a node into a field. A key without a value keeps its default.
func (r *configReader) value(key string, line int, n *yaml.Node, into reflect.Value) {
	if n.ShortTag() == "!!null" {
		return
	}
	r.written[key] = place{line, n}
	switch {
	case n.Kind == yaml.AliasNode:
		r.fail(key, "aliases are not supported, write the value again")
	case into.Type() == reflect.TypeFor[fileWildcard]() && n.Kind == yaml.ScalarNode:
		into.Set(reflect.ValueOf(fileWildcard{Name: n.Value}))
	case into.Kind() == reflect.Struct:
		r.mapping(key, n, into)
	case into.Type() == reflect.TypeFor[fileCAA]() && n.Kind == yaml.ScalarNode:
		into.Set(reflect.ValueOf(fileCAA{n.Value}))
	case into.Kind() == reflect.Slice:
		r.sequence(key, n, into)
	case into.Kind() == reflect.Map:
		r.texts(key, n, into)
	default:
		r.scalar(key, n, into)
	}
}

func (r *configReader) mapping(key string, n *yaml.Node, into reflect.Value) {
	if n.Kind != yaml.MappingNode {
		r.fail(key, "expected keys with values, got %s", shapeOf(n))
		return
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		path := joinKey(key, abridged(name.Value))
		field, known := fieldOf(into, name.Value)
		switch {
		case !known:
			r.errs = append(r.errs, &configError{r.file, name.Line, path, "unknown key, write one of: " + strings.Join(keysOf(into), ", ")})
		case seen[name.Value]:
			r.errs = append(r.errs, &configError{r.file, name.Line, path, "the key is given twice"})
		default:
			seen[name.Value] = true
			r.value(path, name.Line, value, field)
		}
	}
}

// texts decodes keys that can be any, with texts as their values.
func (r *configReader) texts(key string, n *yaml.Node, into reflect.Value) {
	if n.Kind != yaml.MappingNode {
		r.fail(key, "expected keys with values, got %s", shapeOf(n))
		return
	}
	texts := make(map[string]string)
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		path := joinKey(key, abridged(name.Value))
		if _, seen := texts[name.Value]; seen {
			r.errs = append(r.errs, &configError{r.file, name.Line, path, "the key is given twice"})
			continue
		}
		var text string
		r.value(path, name.Line, value, reflect.ValueOf(&text).Elem())
		texts[name.Value] = text
	}
	if len(texts) > 0 {
		into.Set(reflect.ValueOf(texts))
	}
}

// sequence decodes a list, which replaces its default.
func (r *configReader) sequence(key string, n *yaml.Node, into reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		r.fail(key, "expected a list, got %s", shapeOf(n))
		return
	}
	if len(n.Content) == 0 {
		into.SetZero()
		return
	}
	items := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		if d, ok := items.Index(i).Addr().Interface().(interface{ setDefaults() }); ok {
			d.setDefaults()
		}
		r.value(fmt.Sprintf("%s[%d]", key, i), item.Line, item, items.Index(i))
	}
	into.Set(items)
}

func (r *configReader) scalar(key string, n *yaml.Node, into reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		r.fail(key, "expected %s, got %s", kindOf(into), shapeOf(n))
		return
	}
	if into.Kind() == reflect.String { // a number is text as well: minVersion: 1.3
		into.SetString(n.Value)
		return
	}
	// The library would decode 1.5 as 1, and "yes" as true.
	if !slices.Contains(tagsOf(into), n.ShortTag()) || n.Decode(into.Addr().Interface()) != nil {
		r.fail(key, "expected %s, got %q", kindOf(into), abridged(n.Value))
	}
}

// fieldOf returns the field of a struct for a key.
func fieldOf(of reflect.Value, key string) (field reflect.Value, known bool) {
	i := slices.Index(keysOf(of), key)
	if i < 0 {
		return reflect.Value{}, false
	}
	return of.Field(i), true
}

func keysOf(v reflect.Value) []string {
	var keys []string
	for i := range v.NumField() {
		keys = append(keys, v.Type().Field(i).Tag.Get("yaml"))
	}
	return keys
}

func joinKey(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}

func kindOf(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	default:
		return "a whole number"
	}
}

// tagsOf returns the YAML tags accepted for a number or boolean.
func tagsOf(v reflect.Value) []string {
	switch v.Kind() {
	case reflect.Bool:
		return []string{"!!bool"}
	case reflect.Float64:
		return []string{"!!float", "!!int"}
	default:
		return []string{"!!int"}
	}
}

func shapeOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	default:
		return strconv.Quote(abridged(n.Value))
	}
}

// abridged shortens a value for an error message.
func abridged(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
