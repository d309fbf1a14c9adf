package ingressnginx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatelodge.dev/kube/annotations"
)

// setting is a flag of the controller or a key of its ConfigMap.
type setting struct {
	name string
	// convert translates a value; nil: it has no counterpart.
	convert func(t *translation, value string) error
	// needless means that nothing is lost without a counterpart.
	needless bool
	why      string // why it has none and, unless it is needless, what to do
}

// errUntranslated is an error for a value without a counterpart, if other values of the
// setting have one; its text is what to do.
type errUntranslated string

func (e errUntranslated) Error() string { return string(e) }

// needless returns settings without a meaning here, all for one reason.
func needless(why string, names ...string) []setting {
	list := make([]setting, len(names))
	for i, name := range names {
		list[i] = setting{name: name, needless: true, why: why}
	}
	return list
}

// missing returns settings whose effect is lost, all for one reason.
func missing(why string, names ...string) []setting {
	list := make([]setting, len(names))
	for i, name := range names {
		list[i] = setting{name: name, why: why}
	}
	return list
}

// seconds sets a key of Gatelodge, a duration, to a number of seconds.
func seconds(key string) func(*translation, string) error {
	return func(t *translation, value string) error {
		number, err := strconv.Atoi(strings.TrimSuffix(value, "s"))
		if err != nil || number < 1 {
			return errUntranslated(fmt.Sprintf("write %s as a duration above 0, such as 60s", key))
		}
		t.set(key, (time.Duration(number) * time.Second).String())
		return nil
	}
}

// number sets a key of Gatelodge to a number within bounds.
func number(key string, least, most int) func(*translation, string) error {
	return func(t *translation, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return errUntranslated(fmt.Sprintf("write %s as a number from %d to %d", key, least, most))
		}
		t.set(key, strconv.Itoa(n))
		return nil
	}
}

// asDefault makes the value the default of an annotation of the class, if that is
// honoured. Values without an effect are left out.
func asDefault(annotation string) func(*translation, string) error {
	return func(t *translation, value string) error {
		if value == "" {
			return nil
		}
		entry, known := annotations.Of(annotations.OwnPrefix + annotation)
		switch {
		case !known:
			return errUntranslated("it has no counterpart; " + removeIt)
		case entry.Verdict == annotations.Meaningless:
			t.comment(entry.Why)
			return nil
		case entry.Verdict == annotations.Refused && isDefault(value):
			return nil
		case entry.Verdict == annotations.Refused:
			return errUntranslated(entry.Why + "; " + entry.Instead)
		}
		t.setDefault(annotation, value)
		return nil
	}
}

// isDefault reports whether a value turns a setting of ingress-nginx off.
func isDefault(value string) bool { return value == "false" || value == "off" || value == "0" }

// defaults returns keys that are the defaults of annotations of the same name.
func defaults(names ...string) []setting {
	list := make([]setting, len(names))
	for i, name := range names {
		list[i] = setting{name: name, convert: asDefault(name)}
	}
	return list
}

// only accepts the values that need no counterpart, and explains what to do for others.
func only(instead string, values ...string) func(*translation, string) error {
	return func(_ *translation, value string) error {
		for _, same := range values {
			if strings.EqualFold(value, same) {
				return nil
			}
		}
		return errUntranslated(instead)
	}
}

// parseBool reads a boolean as ingress-nginx does.
func parseBool(value string) (bool, error) {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, errUntranslated("write true or false")
	}
	return on, nil
}

// parseSize reads a size as nginx does, in bytes: 8k, 1m, 1g.
func parseSize(value string) (int64, error) {
	unit := int64(1)
	switch {
	case value == "":
		return 0, errors.New("is empty")
	case strings.HasSuffix(strings.ToLower(value), "k"):
		unit = 1 << 10
	case strings.HasSuffix(strings.ToLower(value), "m"):
		unit = 1 << 20
	case strings.HasSuffix(strings.ToLower(value), "g"):
		unit = 1 << 30
	}
	digits := value
	if unit > 1 {
		digits = value[:len(value)-1]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<60)/unit {
		return 0, fmt.Errorf("%q is not a valid size", value)
	}
	return n * unit, nil
}
