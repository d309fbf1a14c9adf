package api_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/dnsserve/versions"
	"gatelodge.dev/e2e/undertest"
)

const (
	transferKey    = "transfer.example."
	transferSecret = "c2VjcmV0IG9mIHRoZSB0cmFuc2ZlcnMgaW4gdGVzdHM="
)

// transferred is a copy of the zone from a replica: its serial, and all records in an
// order of their own.
func transferred(g *undertest.Gateway) (serial uint32, records []string, err error) {
	m := new(dns.Msg)
	m.SetAxfr("example.test.")
	m.SetTsig(transferKey, dns.HmacSHA256, 300, time.Now().Unix())
	x := dns.Transfer{DialTimeout: time.Minute, ReadTimeout: time.Minute, TsigSecret: map[string]string{transferKey: transferSecret}}
	envelopes, err := x.In(m, g.DNS)
	if err != nil {
		return 0, nil, err
	}
	for e := range envelopes {
		err = errors.Join(err, e.Error)
		for _, rr := range e.RR {
			if soa, ok := rr.(*dns.SOA); ok {
				serial = soa.Serial
			}
			records = append(records, rr.String())
		}
	}
	slices.Sort(records)
	return serial, records, err
}

// TestSerialsOfReplicas: two replicas have the same zone under the same serial, and no
// serial goes back, when the leader is killed, when both start again, and when the
// ConfigMap is deleted.
func TestSerialsOfReplicas(t *testing.T) {
	cluster := startCluster(t)
	keys := filepath.Join(t.TempDir(), "keys")
	undertest.WriteFile(t, keys, `key "transfer.example" { algorithm hmac-sha256; secret "`+transferSecret+`"; };`)
	file := configFile(t, fmt.Sprintf(`
views: [{name: default, addresses: [192.0.2.10]}]
dns:
  addresses: [192.0.2.53]
  zones: [{name: example.test, nameservers: [ns1], transfer: {tsigFile: %q}}]
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`, keys))
	kubeconfig := cluster.Kubeconfig(t, us)
	run := func(pod string) *undertest.Gateway { return start(t, pod, file, "--kubeconfig", kubeconfig) }
	replicas := []*undertest.Gateway{run("a"), run("b")}

	var last uint32
	published := make(map[uint32][]string)
	hosts := 0
	// agree adds hosts, and waits until both replicas have them under a new serial.
	agree := func(what string, more int) {
		t.Helper()
		for range more {
			hosts++
			cluster.Apply(t, ingress(fmt.Sprintf("web%d", hosts), fmt.Sprintf("web%d.example.test", hosts), ""))
		}
		host := fmt.Sprintf("web%d.example.test.\t60\tIN\tA\t192.0.2.10", hosts)
		undertest.Await(t, what+": both replicas to have the same", func() error {
			var both [2]uint32
			for i, g := range replicas {
				serial, records, err := transferred(g)
				if err != nil {
					return err
				}
				if last != 0 && serial != last && !versions.Less(last, serial) {
					t.Fatalf("%s: %s has serial %d after %d", what, g.Name, serial, last)
				}
				if before, ok := published[serial]; ok && !slices.Equal(before, records) {
					t.Fatalf("%s: %s has other records under serial %d:\n%q, before\n%q", what, g.Name, serial, records, before)
				}
				published[serial] = records
				if !slices.Contains(records, host) {
					return fmt.Errorf("%s has not got %s under serial %d", g.Name, host, serial)
				}
				both[i] = serial
			}
			if both[0] != both[1] {
				return fmt.Errorf("serials %v", both)
			}
			last = both[0]
			return nil
		}, replicas[0], replicas[1])
	}
	forget := func() {
		t.Helper()
		err := cluster.Client.CoreV1().ConfigMaps("gatelodge").Delete(t.Context(), "gatelodge-zone-example.test-default", metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	agree("at the start", 1)
	agree("many changes at once", 20)
	for _, pod := range []string{"a", "b"} { // one of them leads
		i := slices.IndexFunc(replicas, func(g *undertest.Gateway) bool { return g.Name == pod })
		replicas[i].Kill()
		cluster.Apply(t, ingress("meanwhile-"+pod, "meanwhile-"+pod+".example.test", ""))
		replicas[i] = run(pod)
		agree("after "+pod+" was killed", 1)
	}
	forget()
	agree("after the ConfigMap was deleted", 1)
	for _, g := range replicas {
		g.Stop()
	}
	forget()
	replicas = []*undertest.Gateway{run("a"), run("b")}
	agree("after both started without the ConfigMap", 1)
	for _, g := range replicas {
		g.Stop()
	}
	replicas = []*undertest.Gateway{run("c"), run("d")}
	agree("after others took their place", 1)
}
