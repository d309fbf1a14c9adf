//go:build debian

package cluster_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// skew measures how long the replicas of a gateway differ after a change: a name is
// found at one of them and not yet at the other. It has to be found at both, however
// busy the machine.
func skew(t *testing.T, g *loaded) {
	g.settle(t)
	var replicas []string
	for _, pod := range g.pods(t) {
		replicas = append(replicas, kubectl(t, "-n", g.namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}"))
	}
	const rounds = 20
	var skews []time.Duration
	for round := range rounds {
		name := fmt.Sprintf("skew%d.pke.example.com", round)
		found := make([]time.Time, len(replicas))
		errs := make([]error, len(replicas))
		var watching sync.WaitGroup
		for i, replica := range replicas {
			watching.Go(func() { found[i], errs[i] = firstFound(replica+":8053", name) })
		}
		apply(t, fmt.Sprintf(ingress, "shop", "", "gatelodge", name, "skew"))
		watching.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		skews = append(skews, slices.MaxFunc(found, time.Time.Compare).Sub(slices.MinFunc(found, time.Time.Compare)))
	}
	slices.Sort(skews)
	t.Logf("%d changes: half of them were at both replicas within %v, all within %v", rounds, skews[rounds/2], skews[rounds-1])
}

// firstFound asks a replica for a name until it has it, and returns when that was.
func firstFound(server, name string) (time.Time, error) {
	m := new(dns.Msg)
	m.SetQuestion(name+".", dns.TypeA)
	deadline := time.Now().Add(startTime)
	for time.Now().Before(deadline) {
		reply, err := dns.Exchange(m, server)
		if err == nil && reply.Rcode == dns.RcodeSuccess && len(reply.Answer) > 0 {
			return time.Now(), nil
		}
		time.Sleep(time.Millisecond) // the resolution of the measurement
	}
	return time.Time{}, fmt.Errorf("%s did not find %s in time", strings.TrimSuffix(server, ":8053"), name)
}
