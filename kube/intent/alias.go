package intent

import (
	"errors"
	"fmt"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// setServerAlias reads the further names of an Ingress. A regular expression,
// which ingress-nginx takes too, can't be claimed, certified or published, so it
// is none.
func setServerAlias(a *asked, value string) (err error) {
	a.aliases, err = readNames(value)
	return err
}

// readNames reads names separated by commas. Those that are names count, whatever
// stands beside them.
func readNames(value string) (names []gatelodge.Name, err error) {
	known := make(map[gatelodge.Name]bool)
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		name, wrong := ruleHost(item)
		switch {
		case item == "":
			wrong = errors.New("holds an empty item")
		case wrong != nil:
			wrong = fmt.Errorf("holds %.60q, which is not a valid host name%s", item, syntax.WriteInstead(item))
		case len(names) == maxNames:
			wrong = fmt.Errorf("holds more than %d names", maxNames)
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

// addAliases asks for each alias what the first rule's host is asked for. Which
// entries of spec.tls are meant for that host are meant for its aliases too.
// An alias that has a rule of its own is served by that.
func (in *Claimant) addAliases() {
	if len(in.Asked.aliases) == 0 {
		return
	}
	if len(in.Claims) == 0 {
		in.problem(gatelodge.BadAnnotation, "annotation server-alias gives further names to a host, and there is no rule with one")
		return
	}
	first := in.Claims[0]
	for _, alias := range in.Asked.aliases {
		if in.claims(alias) {
			continue
		}
		claim := in.claim(alias)
		if claim == nil {
			break
		}
		claim.Paths, claim.Fallback = first.Paths, first.Fallback
		in.coverAlso(first.Name, alias)
	}
}

// coverAlso makes the entries of spec.tls that are meant for a host meant for
// another one too.
func (in *Claimant) coverAlso(host, also gatelodge.Name) {
	if in.also == nil {
		in.also = make(map[gatelodge.Name]gatelodge.Name)
	}
	in.also[also] = host
}
