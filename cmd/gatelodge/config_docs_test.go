package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const configurationPage = "../../docs/configuration.md"

// TestEveryKeyIsDocumented: the page has a row for each key with its default,
// and none for a key that does not exist.
func TestEveryKeyIsDocumented(t *testing.T) {
	page := readPage(t)
	documented := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]+\\| `([^`]*)` \\|").FindAllStringSubmatch(page, -1) {
		documented[row[1]] = row[2]
	}
	var defaults fileConfig
	defaults.setDefaults()
	keys := make(map[string]string)
	defaultsByKey(keys, "", reflect.ValueOf(&defaults).Elem())
	for key, value := range keys {
		if got, found := documented[key]; !found {
			t.Errorf("%s is not on the page", key)
		} else if got != value {
			t.Errorf("%s: the page says that its default is %s, but it is %s", key, got, value)
		}
	}
	for key := range documented {
		if _, exists := keys[key]; !exists {
			t.Errorf("%s is on the page, but there is no such key", key)
		}
	}
}

// defaultsByKey collects the defaults below a value in YAML form. The defaults of
// a list's items are those of an empty item.
func defaultsByKey(into map[string]string, key string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			defaultsByKey(into, joinKey(key, v.Type().Field(i).Tag.Get("yaml")), v.Field(i))
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		item := reflect.New(v.Type().Elem())
		if d, ok := item.Interface().(interface{ setDefaults() }); ok {
			d.setDefaults()
		}
		defaultsByKey(into, key+"[]", item.Elem())
	case v.Kind() == reflect.Slice:
		into[key] = "[" + strings.Join(v.Convert(reflect.TypeFor[[]string]()).Interface().([]string), ", ") + "]"
	case v.Kind() == reflect.Map:
		into[key] = "{}" // no key of this kind has a default
	case v.Kind() == reflect.String && v.Len() == 0:
		into[key] = `""`
	default:
		into[key] = fmt.Sprint(v.Interface())
	}
}

// TestExampleOnThePage: the page's example is a valid configuration.
func TestExampleOnThePage(t *testing.T) {
	_, rest, _ := strings.Cut(readPage(t), "```yaml\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("the page has no example")
	}
	if _, err := parseConfig([]byte(example), "example"); err != nil {
		t.Error(err)
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(configurationPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}
