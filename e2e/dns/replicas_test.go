//go:build debian

package dns_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve"
	"gatelodge.dev/e2e/undertest"
	"gatelodge.dev/kube/state"
	"gatelodge.dev/kube/syntax"
)

// A replica is a DNS server of the gateway, which shares a store with the others.
type replica struct {
	*dnsserve.Server
	live    *gatelodge.Live
	address netip.Addr
	stop    func()
	lead    func() // makes it the leader, until it is stopped
}

func startReplica(t *testing.T, address netip.Addr, store gatelodge.Store, certificate *tls.Certificate, snapshot *gatelodge.Snapshot) *replica {
	t.Helper()
	r := &replica{live: new(gatelodge.Live), address: address}
	r.Server = dnsserve.New(r.live, dnsserve.Config{
		Log:         slog.New(slog.DiscardHandler),
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate, nil },
	})
	r.UseStore(store)
	r.live.Swap(snapshot)
	for _, l := range []gatelodge.Listener{
		{Name: "dns", Protocol: gatelodge.DNS, Address: net.JoinHostPort(address.String(), "53"), Views: []string{"default"}},
		{Name: "dot", Protocol: gatelodge.DOT, Address: net.JoinHostPort(address.String(), "853"), Views: []string{"default"}},
	} {
		if err := r.Listen(l); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	run := func(f func(context.Context) error) {
		running.Go(func() {
			if err := f(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	run(r.Serve)
	run(r.FollowSerials)
	r.lead = func() { run(func(ctx context.Context) error { r.LeadSerials(ctx); return nil }) }
	r.stop = func() {
		cancel()
		running.Wait()
	}
	return r
}

// front is an address that leads to the replicas in turn, as that of a Service.
type front struct {
	mu       sync.Mutex
	replicas []netip.Addr
	turn     atomic.Uint64
}

func (f *front) use(replicas ...*replica) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replicas = nil
	for _, r := range replicas {
		f.replicas = append(f.replicas, r.address)
	}
}

func (f *front) dial(network string, port int) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.replicas) == 0 {
		return nil, errors.New("there is no replica")
	}
	to := f.replicas[f.turn.Add(1)%uint64(len(f.replicas))]
	return net.Dial(network, netip.AddrPortFrom(to, uint16(port)).String())
}

func startFront(t *testing.T, address netip.Addr) *front {
	t.Helper()
	f := &front{}
	var running sync.WaitGroup
	t.Cleanup(running.Wait) // after all is closed
	for _, port := range []int{53, 853} {
		l, err := net.Listen("tcp", netip.AddrPortFrom(address, uint16(port)).String())
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			for {
				client, err := l.Accept()
				if err != nil {
					return
				}
				running.Go(func() { f.connect(client, port) })
			}
		})
		defer t.Cleanup(func() { l.Close() })
	}
	socket, err := net.ListenPacket("udp", netip.AddrPortFrom(address, 53).String())
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, client, err := socket.ReadFrom(buf)
			if err != nil {
				return
			}
			query := append([]byte(nil), buf[:n]...)
			running.Go(func() { f.ask(socket, client, query) })
		}
	})
	t.Cleanup(func() { socket.Close() })
	return f
}

func (f *front) connect(client net.Conn, port int) {
	defer client.Close()
	server, err := f.dial("tcp", port)
	if err != nil {
		return
	}
	defer server.Close()
	deadline := time.Now().Add(30 * time.Second)
	client.SetDeadline(deadline)
	server.SetDeadline(deadline)
	go func() {
		io.Copy(server, client)
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, server)
}

func (f *front) ask(socket net.PacketConn, client net.Addr, query []byte) {
	server, err := f.dial("udp", 53)
	if err != nil {
		return
	}
	defer server.Close()
	server.SetDeadline(time.Now().Add(2 * time.Second))
	reply := make([]byte, 65536)
	if _, err := server.Write(query); err != nil {
		return
	}
	if n, err := server.Read(reply); err == nil {
		socket.WriteTo(reply[:n], client)
	}
}

// changes is the zone that the test changes.
type changes struct {
	zone      gatelodge.Zone
	transfers []*gatelodge.Transfer
}

func newChanges(t *testing.T, notify ...netip.AddrPort) *changes {
	t.Helper()
	keys, err := syntax.ParseTransferKeys(keyClause)
	if err != nil {
		t.Fatal(err)
	}
	c := &changes{
		zone:      gatelodge.Zone{Name: "pke.example.com", Primary: "ns1.pke.example.com", Hostmaster: "hostmaster.example.com", TTL: time.Minute, NegativeTTL: 5 * time.Second},
		transfers: []*gatelodge.Transfer{{Zone: "pke.example.com", Views: []string{"default"}, Keys: keys, Notify: notify}},
	}
	c.set("pke.example.com", "NS", "ns1.pke.example.com.")
	c.set("ns1.pke.example.com", "A", gatewayAddress.String())
	return c
}

// set gives a name one record, or with data "" none.
func (c *changes) set(name gatelodge.Name, rtype, data string) {
	var node *gatelodge.Node
	if data != "" {
		node = &gatelodge.Node{Name: name, Records: []gatelodge.Record{{Name: name, Type: rtype, TTL: time.Minute, Data: data}}}
	}
	c.zone.Nodes = c.zone.Nodes.With(name, node)
}

func (c *changes) snapshot() *gatelodge.Snapshot {
	zone := c.zone
	return &gatelodge.Snapshot{
		Settings: &gatelodge.Settings{}, Transfers: c.transfers,
		Views: []*gatelodge.View{{Name: "default", Zones: []*gatelodge.Zone{&zone}}},
	}
}

// TestSecondariesFollowReplicas: BIND, NSD, Knot and a BIND over TLS follow two
// hundred changes from two replicas behind one address, which put the changes
// together differently; the leader is killed, both are restarted, and what they
// share is deleted. At each quiet moment all have the same, and no serial went back.
func TestSecondariesFollowReplicas(t *testing.T) {
	dir := t.TempDir()
	store, err := state.NewFolderStore(filepath.Join(dir, "items"))
	if err != nil {
		t.Fatal(err)
	}
	ca := undertest.NewCA(t, "e2e CA")
	server := ca.Server(t, "ns1.pke.example.com")
	certificate, err := tls.X509KeyPair(server.Certificate, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	undertest.WriteFile(t, filepath.Join(dir, "ca.pem"), string(ca.Certificate))

	const copyOfZone = `zone "pke.example.com" { type secondary; file "zone"; primaries { %s; }; };`
	secondaries := []secondary{
		startBINDSecondary(t, "named", bindSecondary, "", fmt.Sprintf(copyOfZone, gatewayAddress.String()+` key "transfer.example"`)),
		startBINDSecondary(t, "named over TLS", tlsSecondary, "",
			fmt.Sprintf(`tls strict { ca-file %q; remote-hostname "ns1.pke.example.com"; protocols { TLSv1.3; }; };`, filepath.Join(dir, "ca.pem"))+
				fmt.Sprintf(copyOfZone, gatewayAddress.String()+` port 853 key "transfer.example" tls strict`)),
		startNSDSecondary(t),
		startKnotSecondary(t, "  - domain: pke.example.com\n    template: copy"),
	}
	var notify []netip.AddrPort
	for _, s := range secondaries {
		notify = append(notify, s.address)
	}
	c := newChanges(t, notify...)
	addresses := []netip.Addr{netip.MustParseAddr("198.18.0.61"), netip.MustParseAddr("198.18.0.62")}
	replicas := make([]*replica, 2)
	start := func(i int) { replicas[i] = startReplica(t, addresses[i], store, &certificate, c.snapshot()) }
	for i := range replicas {
		start(i)
	}
	t.Cleanup(func() {
		for _, r := range replicas {
			r.stop()
		}
	})
	leader := 0
	replicas[leader].lead()
	f := startFront(t, gatewayAddress)
	f.use(replicas...)

	var last uint32
	hashes := make(map[uint32]string)
	quiet := func(moment string) {
		t.Helper()
		for _, r := range replicas {
			r.live.Swap(c.snapshot())
		}
		var runners []undertest.Runner
		for _, s := range secondaries {
			runners = append(runners, s)
		}
		undertest.Await(t, moment+": all to have the same", func() error {
			want, err := fetch(netip.AddrPortFrom(addresses[0], 53), zone, true)
			if err != nil {
				return err
			}
			if want.serial < last || hashes[want.serial] != "" && hashes[want.serial] != want.hash() {
				t.Fatalf("%s: serial %d after %d, or other records under it", moment, want.serial, last)
			}
			if len(want.records) != c.zone.Nodes.Len()+2 { // the SOA record at either end
				return fmt.Errorf("the first replica has %d records of %d", len(want.records), c.zone.Nodes.Len()+2)
			}
			other, err := fetch(netip.AddrPortFrom(addresses[1], 53), zone, true)
			if err == nil && (other.serial != want.serial || other.hash() != want.hash()) {
				err = fmt.Errorf("the second replica has serial %d, the first %d", other.serial, want.serial)
			}
			for _, s := range secondaries {
				err = errors.Join(err, s.same(zone, want))
			}
			if err == nil {
				last, hashes[want.serial] = want.serial, want.hash()
			}
			return err
		}, runners...)
	}
	quiet("at the start")
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		name := gatelodge.Name(fmt.Sprintf("host%d.pke.example.com", random.IntN(40)))
		c.set(name, "A", []string{"", "192.0.2.1", "192.0.2.2", "192.0.2.3"}[random.IntN(4)])
		c.set("count.pke.example.com", "TXT", fmt.Sprintf(`"%d"`, i))
		for _, r := range replicas {
			if random.IntN(3) > 0 {
				r.live.Swap(c.snapshot())
			}
		}
		<-time.After(time.Duration(random.IntN(300)) * time.Millisecond) // so that some changes come together and some alone
		switch i {
		case 50: // the leader is killed
			f.use(replicas[1-leader])
			replicas[leader].stop()
			leader = 1 - leader
			replicas[leader].lead()
			start(1 - leader)
			f.use(replicas...)
		case 100: // what is shared is deleted
			deleteItems(t, store)
		case 150: // both are restarted, and nobody leads at first
			f.use()
			for j, r := range replicas {
				r.stop()
				start(j)
			}
			deleteItems(t, store)
			f.use(replicas...)
			replicas[leader].lead()
		}
		if i%40 == 39 || i == 50 || i == 100 || i == 150 {
			quiet(fmt.Sprintf("after %d changes", i+1))
		}
	}
	if len(hashes) < 8 {
		t.Errorf("there were %d quiet moments", len(hashes))
	}
}

func deleteItems(t *testing.T, store gatelodge.Store) {
	t.Helper()
	const name = "zone-pke.example.com-default"
	for {
		item, err := store.Get(t.Context(), name)
		if err == nil {
			err = store.Delete(t.Context(), name, item.Version)
		}
		if errors.Is(err, gatelodge.ErrConflict) {
			continue // the leader was faster
		}
		if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
			t.Fatal(err)
		}
		return
	}
}
