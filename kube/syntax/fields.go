package syntax

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// ReadFields reads the fields that the values of a ConfigMap set, by name.
func ReadFields(values map[string]string) ([]gatelodge.FieldEdit, error) {
	var edits gatelodge.FieldEdits
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value, err := gatelodge.ParseTemplate(strings.TrimSpace(values[key]))
		if err != nil {
			return nil, fmt.Errorf("has at %.60q a value that %w", key, err)
		}
		edits.Request = append(edits.Request, gatelodge.FieldEdit{Name: strings.ToLower(key), Value: value})
	}
	return edits.Request, edits.Check()
}
