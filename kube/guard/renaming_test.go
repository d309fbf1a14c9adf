package guard

import (
	"fmt"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/kubetest"
)

// TestAttackRenaming: a namespace that keeps renaming its hosts has no more of them
// remembered than it may have at once, and what another one gives up is remembered.
func TestAttackRenaming(t *testing.T) {
	var d departures
	var w window
	sightOf := func(round int) *sight {
		s := &sight{}
		s.objects.Now = kubetest.Now.Add(time.Duration(round) * time.Millisecond)
		for namespace, every := range map[string]int{"evil": 1, "shop": 500} {
			c := &intent.Claimant{Applicant: intent.Applicant{Object: gatelodge.Object{Kind: "Ingress", Namespace: namespace, Name: "in", UID: namespace}}}
			for i := range 100 {
				name := gatelodge.Name(fmt.Sprintf("a%d.r%d.%s.test", i, round/every, namespace))
				c.Claims = append(c.Claims, intent.Claim{Name: name})
				s.hosts = s.hosts.With(name, &gatelodge.Host{Name: name, Owner: namespace})
			}
			s.claimants = s.claimants.With(c.Key(), c)
		}
		return s
	}
	last := sightOf(0)
	for round := 1; round <= 500; round++ {
		now := sightOf(round)
		if lost, _ := d.note(last, now); len(lost) == 0 {
			t.Fatalf("round %d: no object gave anything up", round)
		}
		w.observe(last.hosts, now.hosts, now.objects.Now, kubetest.Now)
		last = now
	}
	for _, remembered := range []map[string]int{d.names, w.goneOf} {
		if remembered["evil"] != maxGone || remembered["shop"] != 100 {
			t.Errorf("remembered are %v, want %d and 100", remembered, maxGone)
		}
	}
	if n := len(d.allNames()); n != maxGone+100 {
		t.Errorf("%d names are remembered, want %d", n, maxGone+100)
	}
	d.forgetIf(func(*departure) bool { return true })
	w.observe(last.hosts, last.hosts, kubetest.Now.Add(time.Hour), kubetest.Now.Add(time.Hour))
	if len(d.names) != 0 || len(w.goneOf) != 0 || len(w.gone) != 0 {
		t.Errorf("after the window %v and %v are remembered", d.names, w.goneOf)
	}
}
