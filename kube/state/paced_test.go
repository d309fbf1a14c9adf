package state

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatelodge.dev/kube/objects"
)

// handed is a Source of what it is given.
type handed struct{ objects objects.Objects }

func (h *handed) Run(_ context.Context, dirty func()) error { dirty(); return nil }
func (h *handed) Objects() objects.Objects                  { return h.objects }

// manyNames is Ingresses of a namespace, each of a number of names.
func manyNames(namespace string, ingresses, names int) string {
	var b strings.Builder
	for i := range ingresses {
		var aliases []string
		for n := range names - 1 {
			aliases = append(aliases, fmt.Sprintf("a%d.in%d.%s.test", n, i, namespace))
		}
		fmt.Fprintf(&b, `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: in%03d, namespace: %s, annotations: {gatelodge.dev/server-alias: %q}}
spec: {rules: [{host: in%d.%[2]s.test}]}
`, i, namespace, strings.Join(aliases, ","), i)
	}
	return b.String()
}

// TestPaced: however much a namespace changes at once, a change of another is in
// the next Objects, and all that changed is there in the end.
func TestPaced(t *testing.T) {
	source := &handed{}
	paced, dirty := NewPaced(source), 0
	if err := paced.Run(t.Context(), func() { dirty++ }); err != nil {
		t.Fatal(err)
	}
	// follow asks for Objects until there is no more, and returns how often.
	follow := func(what string) (asked int, first objects.Objects) {
		t.Helper()
		for dirty = 1; dirty > 0; {
			dirty = 0
			objs := paced.Objects()
			if asked++; asked == 1 {
				first = objs
			}
		}
		if objs := paced.Objects(); !objs.SameAs(&source.objects) {
			t.Errorf("%s: in the end there are other objects than in the source", what)
		}
		return asked, first
	}
	change := func(text string) { source.objects = objectsOf(text) }

	change(manyNames("evil", 50, 100))
	if asked, _ := follow("the start"); asked != 1 {
		t.Errorf("the first objects come in %d portions, want one", asked)
	}
	change(manyNames("evil", 50, 101) + manyNames("shop", 1, 3))
	asked, first := follow("an attack")
	if asked < 10 || asked > 30 {
		t.Errorf("50 Ingresses of 101 names come in %d portions", asked)
	}
	if first.Ingresses.Get(objects.Key{Namespace: "shop", Name: "in000"}) == nil {
		t.Error("the change of another namespace waits")
	}
	change(manyNames("shop", 1, 3) + manyNames("evil", 1, 3000))
	_, first = follow("a move")
	if in := first.Ingresses.Get(objects.Key{Namespace: "evil", Name: "in000"}); in == nil || namesOf(in) < 3000 {
		t.Error("an object that exceeds the portion by itself is not taken")
	}
	if first.Ingresses.Len() != 51 {
		t.Errorf("%d Ingresses are there at first: what is deleted is to go last", first.Ingresses.Len())
	}
	change(manyNames("evil", 20, 100))
	source.objects.Relists = []*objects.Relist{{}}
	if asked, _ := follow("a list that came anew"); asked != 1 {
		t.Errorf("a list that came anew comes in %d portions, want one", asked)
	}
}

// TestPacedGoesRound: objects that keep changing do not keep a later one of their
// namespace from being taken.
func TestPacedGoesRound(t *testing.T) {
	source := &handed{objects: objectsOf(manyNames("shop", 1, 1))}
	paced := NewPaced(source)
	if err := paced.Run(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	paced.Objects()
	last := objects.Key{Namespace: "shop", Name: "in019"}
	for asked := 1; ; asked++ {
		source.objects = objectsOf(manyNames("shop", 20, 100)) // all are others again
		if objs := paced.Objects(); objs.Ingresses.Get(last) != nil {
			return
		}
		if asked == 20 {
			t.Fatal("the last of 20 objects is not taken")
		}
	}
}
