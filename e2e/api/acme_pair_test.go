package api_test

import (
	"slices"
	"testing"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// pair is an instance of two replicas. Its CA finds the zone INSTANCE.test at one of them.
type pair struct {
	replicas [2]*undertest.Gateway
	zone     string
	ca       *pebble.CA
	args     []string
}

func startPair(t *testing.T, cluster *apiserver.Cluster, ca *pebble.CA, proxy *pebble.Proxy, instance string) *pair {
	t.Helper()
	p := &pair{zone: instance + ".test", ca: ca, args: []string{"serve", "--config", acmeConfig(t, instance, ca, proxy), "--kubeconfig", cluster.Kubeconfig(t, us)}}
	for i, suffix := range []string{"-a", "-b"} {
		g := undertest.New(t)
		g.Name, g.Roots = instance+suffix, ca.Roots(t)
		g.Env = []string{"POD_NAME=" + g.Name, "POD_NAMESPACE=gatelodge"}
		p.replicas[i] = g
		p.run(g)
		g.AwaitReady()
	}
	ca.Resolver.SetZone(p.zone, p.replicas[0].DNS)
	return p
}

// run starts a replica, also one that was killed.
func (p *pair) run(g *undertest.Gateway) { g.Run(append(slices.Clone(p.args), g.Flags()...)...) }

// leader waits until a replica leads, and returns it.
func (p *pair) leader(t *testing.T) *undertest.Gateway {
	t.Helper()
	leader, _ := leaderOf(t, p.replicas[0], p.replicas[1])
	return leader
}

// kill kills a replica; the CA asks the other one for names from then on.
func (p *pair) kill(g *undertest.Gateway) (other *undertest.Gateway) {
	other = p.replicas[0]
	if other == g {
		other = p.replicas[1]
	}
	p.ca.Resolver.SetZone(p.zone, other.DNS)
	g.Kill()
	return other
}
