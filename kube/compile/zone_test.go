package compile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/publish"
)

// nodesOf is the nodes of a zone, and every name that exists by them.
type nodesOf struct {
	apex  gatelodge.Name
	nodes map[gatelodge.Name]*gatelodge.Node
	exist map[gatelodge.Name]bool
}

func readNodes(zone *gatelodge.Zone) nodesOf {
	z := nodesOf{zone.Name, make(map[gatelodge.Name]*gatelodge.Node), map[gatelodge.Name]bool{zone.Name: true}}
	for _, node := range zone.Nodes.All() {
		z.nodes[node.Name] = node
		for at := node.Name; at != zone.Name; at = at.Parent() {
			z.exist[at] = true
		}
	}
	return z
}

// source is the name whose records answer for another one (RFC 4592 §3.3.1), but
// for delegations and DNAMEs.
func (z nodesOf) source(name gatelodge.Name) gatelodge.Name {
	if z.exist[name] {
		return name
	}
	for name = name.Parent(); !z.exist[name]; {
		name = name.Parent()
	}
	return "*." + name
}

// cname returns where the records at a name lead.
func (z nodesOf) cname(name gatelodge.Name) (to gatelodge.Name, ok bool) {
	node := z.nodes[name]
	if node == nil || len(node.Records) == 0 || node.Records[0].Type != "CNAME" {
		return "", false
	}
	return gatelodge.Name(strings.TrimSuffix(node.Records[0].Data, ".")), true
}

// TestZonesAreSound looks at many random worlds: no wildcard answers for a name
// of another namespace, and no alias leads in a circle.
func TestZonesAreSound(t *testing.T) {
	for seed := range uint64(60) {
		w := &world{t: t, random: rand.New(rand.NewPCG(seed, 1)), now: kubetest.Now, objects: make(map[string]metav1.Object)}
		cfg := w.config()
		var builder Builder
		for step := range 40 {
			w.edit()
			snapshot := builder.Build(w.all(), cfg)
			for _, view := range snapshot.Views {
				zones := make(map[gatelodge.Name]nodesOf)
				for _, zone := range view.Zones {
					zones[zone.Name] = readNodes(zone)
				}
				s := &soundness{t, fmt.Sprintf("seed %d step %d view %s", seed, step, view.Name), &builder, zones}
				for _, zone := range view.Zones {
					s.checkWildcards(zones[zone.Name])
					s.checkAliases(zones[zone.Name])
				}
			}
			if t.Failed() {
				t.Fatal(snapshot)
			}
		}
	}
}

type soundness struct {
	t       *testing.T
	at      string
	builder *Builder
	zones   map[gatelodge.Name]nodesOf
}

// zoneOf returns the zone that answers for the name.
func (s *soundness) zoneOf(name gatelodge.Name) (zone nodesOf, ok bool) {
	for at := name; at != ""; at = at.Parent() {
		if zone, ok := s.zones[at]; ok {
			return zone, true
		}
	}
	return nodesOf{}, false
}

func (s *soundness) checkWildcards(z nodesOf) {
	check := func(owned, asked gatelodge.Name, namespace string) {
		if zone, _ := s.zoneOf(asked); zone.apex != z.apex {
			return
		}
		source := z.source(asked)
		wildcard := s.builder.last.grants.Names.Get(source)
		if source != asked && wildcard != nil && z.nodes[source] != nil && len(z.nodes[source].Records) > 0 && wildcard.Namespace() != namespace && source.Parent() != owned {
			s.t.Errorf("%s: %s of namespace %s answers for %s, and %s is of namespace %s", s.at, source, wildcard.Namespace(), asked, owned, namespace)
		}
	}
	for name, granted := range s.builder.last.grants.Names.All() {
		if !name.Within(z.apex) {
			continue
		}
		check(name, name, granted.Namespace())
		if !name.IsWildcard() {
			check(name, "any."+name, granted.Namespace())
		}
		for above := name; above.Within(z.apex); above = above.Parent() {
			check("", "_acme-challenge."+above, granted.Namespace())
			proof := s.builder.last.grants.Names.Get("_acme-challenge." + above)
			if _, alias := z.cname("_acme-challenge." + above); alias && proof != nil && proof.Namespace() != granted.Namespace() {
				s.t.Errorf("%s: namespace %s proves control of %s, and %s is of namespace %s", s.at, proof.Namespace(), above, name, granted.Namespace())
			}
		}
	}
}

func (s *soundness) checkAliases(z nodesOf) {
	for name := range z.nodes {
		at := name
		for link := 0; ; link++ {
			zone, ok := s.zoneOf(at)
			if !ok {
				break
			}
			if link > 0 {
				at = zone.source(at)
			}
			to, ok := zone.cname(at)
			if !ok {
				break
			}
			if at = to; link > publish.MaxChain {
				s.t.Fatalf("%s: %s leads in a circle", s.at, name)
			}
		}
	}
}
