package annotations

import (
	"errors"
	"fmt"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// MaxNames bounds the names that one object is read for.
const MaxNames = 5000

// setServerAlias reads the further names of an Ingress. A regular expression,
// which ingress-nginx takes too, can't be claimed, certified or published, so it
// is none.
func setServerAlias(a *Asked, value string) (err error) {
	a.Aliases, err = readNames(value)
	return err
}

// readNames reads names separated by commas. Those that are names count, whatever
// stands beside them.
func readNames(value string) (names []gatelodge.Name, err error) {
	known := make(map[gatelodge.Name]bool)
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		name, wrong := syntax.RuleHost(item)
		switch {
		case item == "":
			wrong = errors.New("holds an empty item")
		case wrong != nil:
			wrong = fmt.Errorf("holds %.60q, which is not a valid host name%s", item, syntax.WriteInstead(item))
		case len(names) == MaxNames:
			wrong = fmt.Errorf("holds more than %d names", MaxNames)
		case !known[name]:
			known[name] = true
			names = append(names, name)
		}
		if err == nil {
			err = wrong
		}
	}
	return names, err
}
