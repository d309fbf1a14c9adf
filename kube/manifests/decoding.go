package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gatelodge.dev/kube/objects"
)

// fromOlder contains what else to write if an object has an older version of its API.
func fromOlder(kind *objects.Kind) string {
	if kind.Name != "Ingress" {
		return ""
	}
	return ": Kubernetes 1.22 has no older one; write service.name and service.port in place of serviceName and servicePort, defaultBackend in place of backend, and a pathType for each path"
}

// decodingError converts an error of the decoder from Go's terms to those of a
// manifest.
func decodingError(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("does not decode: %w", err)
	}
	return fmt.Errorf("has %s in %s, expected %s", withArticle(wrong.Value), fieldOf(wrong.Field), expected(wrong.Type))
}

// fieldOf removes the names of embedded structs, which no manifest has.
func fieldOf(path string) string {
	parts := strings.Split(path, ".")
	kept := parts[:0]
	for _, part := range parts {
		if part != "" && (part[0] < 'A' || part[0] > 'Z') {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ".")
}

func withArticle(kind string) string {
	kind, _, _ = strings.Cut(kind, " ") // "number 5" of some decoders
	switch kind {
	case "bool":
		return "true or false without quotes"
	case "array":
		return "a list"
	case "object":
		return "a mapping"
	case "string":
		return "a text"
	}
	return "a " + kind
}

// expected describes what a field of the type contains.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text, in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map:
		if t.Elem().Kind() == reflect.String {
			return "a mapping of names to texts"
		}
		return "a mapping"
	case reflect.Struct:
		return "a mapping" + fieldsOf(t)
	}
	return "a number without quotes"
}

// fieldsOf lists the fields of a small struct.
func fieldsOf(t reflect.Type) string {
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 || len(names) > 3 {
		return ""
	}
	return " with " + strings.Join(names, " or ")
}
