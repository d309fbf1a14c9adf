package issuer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelodge.dev"
	gatetls "gatelodge.dev/tls"
	"gatelodge.dev/tls/tlstest"
)

// testCluster is a Store, and the snapshots that are made of what it holds: what
// package kube does, without Kubernetes.
type testCluster struct {
	*tlstest.Memory
	t         *testing.T
	live      *gatelodge.Live
	server    *gatetls.Server
	replicas  [2]*Issuer
	account   gatelodge.Account
	fallbacks []gatelodge.Account
	patience  time.Duration
	announced bool               // a zone publishes CAA records
	cas       map[string]*testCA // by the directory's URL

	unpublished bool     // the zone has no persistent records
	secondaries []string // of the zone

	beforePut func(item string, parts map[string][]byte) // nil: nothing
	putFails  func(item string, done bool) error         // called before and after, as testCA.fault; nil: no
	adopted   map[gatelodge.Name]*gatelodge.Certificate  // that other programs keep; nil: none

	mu        sync.Mutex
	elsewhere map[gatelodge.Name]*gatelodge.Issuance // of Secrets of another issuer: the certificates with the windows; nil: none

	flawed  map[string]*gatelodge.Flaw            // by fingerprint
	askers  map[gatelodge.Name]string             // names and their namespaces
	changed map[string]bool                       // items
	kinds   map[gatelodge.Name]gatelodge.KeyTypes // of those that ask for others than one of ECDSA
	profile map[gatelodge.Name]string
	list    gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance]
	hosts   gatelodge.Map[gatelodge.Name, *gatelodge.Host]
	names   map[string]gatelodge.IssuanceKey // by item
	wake    gatelodge.Signal
	kill    context.CancelFunc // of the leader that replaceLeaders runs
}

func newTestCluster(t *testing.T, cas ...*testCA) *testCluster {
	c := &testCluster{
		Memory: tlstest.NewMemory(), t: t, live: new(gatelodge.Live), cas: make(map[string]*testCA),
		kinds: make(map[gatelodge.Name]gatelodge.KeyTypes), profile: make(map[gatelodge.Name]string),
		askers: make(map[gatelodge.Name]string), changed: make(map[string]bool), names: make(map[string]gatelodge.IssuanceKey), wake: gatelodge.NewSignal(),
	}
	for _, ca := range cas {
		c.cas[ca.base] = ca
	}
	c.account = gatelodge.Account{Directory: cas[0].base + "/directory"}
	log := slog.New(slog.DiscardHandler)
	c.server = gatetls.New(c.live, log)
	for i := range c.replicas {
		c.replicas[i] = New(c.live, Config{Store: c, Log: log, Awaited: c.server.TakeAwaited, OwnDNS: noRecords})
		c.replicas[i].transport = func(string) http.RoundTripper { return c }
	}
	return c
}

// RoundTrip implements http.RoundTripper: it reaches the CA of a URL.
func (c *testCluster) RoundTrip(request *http.Request) (*http.Response, error) {
	for base, ca := range c.cas {
		if strings.HasPrefix(request.URL.String(), base+"/") {
			return ca.RoundTrip(request)
		}
	}
	return nil, errUnreachable
}

func (c *testCluster) Put(ctx context.Context, name string, item gatelodge.Item) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if c.beforePut != nil {
		c.beforePut(name, item.Data)
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
	fails := c.putFails
	if fails == nil {
		fails = func(string, bool) error { return nil }
	}
	if err := fails(name, false); err != nil {
		return "", err
	}
	version, err := c.Memory.Put(ctx, name, item)
	c.note(name)
	if err := fails(name, true); err != nil {
		return "", err
	}
	return version, err
}

func (c *testCluster) Delete(ctx context.Context, name, version string) error {
	err := c.Memory.Delete(ctx, name, version)
	c.note(name)
	return err
}

func (c *testCluster) note(item string) {
	c.mu.Lock()
	c.changed[item] = true
	c.mu.Unlock()
	c.wake.Raise()
}

// ask has a namespace ask for a certificate.
func (c *testCluster) ask(namespace string, name gatelodge.Name) {
	c.mu.Lock()
	c.askers[name] = namespace
	for _, key := range gatelodge.KeysOf(name) {
		if !key.Second || c.kinds[name][1] != "" {
			c.names[key.Item()] = key
			c.changed[key.Item()] = true
		}
	}
	c.mu.Unlock()
	c.wake.Raise()
}

// askFor has a namespace ask for certificates with keys of these kinds, by a profile.
func (c *testCluster) askFor(namespace string, name gatelodge.Name, kinds gatelodge.KeyTypes, profile string) {
	c.mu.Lock()
	c.kinds[name], c.profile[name] = kinds, profile
	c.mu.Unlock()
	c.ask(namespace, name)
}

// leave has no one ask for a certificate any more.
func (c *testCluster) leave(name gatelodge.Name) {
	c.mu.Lock()
	delete(c.askers, name)
	c.mu.Unlock()
	c.note(gatelodge.IssuanceKey{Name: name}.Item())
}

// follow makes a snapshot of each change until ctx ends.
func (c *testCluster) follow(ctx context.Context) {
	for {
		c.publish()
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// followed has the replicas follow what is stored until the test ends, as its context
// does, which is returned.
func (c *testCluster) followed(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.follow(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return ctx
}

func (c *testCluster) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, hosts := c.list.Edit(), c.hosts.Edit()
	for item := range c.changed {
		key, ok := c.names[item]
		if !ok {
			continue
		}
		list.Set(key, c.takeOver(c.issuance(key)))
		h := &gatelodge.Host{Name: key.Name}
		for _, key := range gatelodge.KeysOf(key.Name) {
			if i := list.Get(key); i != nil && i.Certificate != nil {
				h.Certificates = append(h.Certificates, i.Certificate)
			}
		}
		hosts.Set(key.Name, h)
	}
	clear(c.changed)
	c.list, c.hosts = list.Map(), hosts.Map()
	challenges, _ := c.Memory.Get(context.Background(), gatelodge.ChallengesItem)
	c.live.Swap(&gatelodge.Snapshot{Issuing: c.issuing(), Hosts: c.hosts, ChallengesVersion: challenges.Version, Views: c.views()})
}

// views returns the persistent records of what is asked for, in one zone.
func (c *testCluster) views() []*gatelodge.View {
	item, _ := c.Memory.Get(context.Background(), gatelodge.AccountsItem)
	accounts, _ := gatelodge.DecodeAccounts(item.Data)
	var nodes []*gatelodge.Node
	for name := range c.askers {
		for _, a := range accounts {
			if a.Persistent != "" && !c.unpublished {
				r := gatelodge.PersistentRecord(a.Persistent, name)
				nodes = append(nodes, &gatelodge.Node{Name: r.Name, Records: []gatelodge.Record{r}})
			}
		}
	}
	return []*gatelodge.View{{Name: "default", Zones: []*gatelodge.Zone{{Name: "test", Nodes: gatelodge.NodeMap(nodes...)}}}}
}

func (c *testCluster) issuing() *gatelodge.Issuing {
	return &gatelodge.Issuing{Account: c.account, Fallbacks: c.fallbacks, Issuances: c.list, Patience: c.patience, Announced: c.announced}
}

// takeOver has an issuance begin with the certificate of another issuer, unless ours is
// newer. The caller holds the lock.
func (c *testCluster) takeOver(i *gatelodge.Issuance) *gatelodge.Issuance {
	if i == nil || len(i.Askers) == 0 {
		return i
	}
	other := c.elsewhere[i.Name]
	if other != nil && (i.Certificate == nil || !i.Certificate.NotBefore.After(other.Certificate.NotBefore)) {
		i.Certificate, i.Elsewhere, i.Late, i.Window, i.Directory = other.Certificate, true, other.Late, other.Window, ""
		item, _ := c.Memory.Get(context.Background(), i.Key().Item()) // empty with an error
		stored, err := gatelodge.DecodeIssuance(item.Data)
		if err != nil {
			c.t.Error(err)
		} else if kept := stored.Elsewhere; !i.Late && kept != nil && kept.Fingerprint == other.Certificate.Fingerprint {
			i.Window = &kept.RenewalWindow
		}
	}
	return i
}

// issuance returns what is to be done for a certificate. The caller holds the lock.
func (c *testCluster) issuance(key gatelodge.IssuanceKey) *gatelodge.Issuance {
	name := key.Name
	i := &gatelodge.Issuance{Name: name, Second: key.Second, KeyType: c.kinds[name][0], Profile: c.profile[name], Askers: []gatelodge.Object{{Kind: "Ingress", Namespace: c.askers[name], Name: "x"}}, Challenges: []gatelodge.ChallengeType{gatelodge.DNS01}, Secondaries: c.secondaries}
	if key.Second {
		i.KeyType = c.kinds[name][1]
	}
	item, err := c.Memory.Get(context.Background(), key.Item())
	if _, asked := c.askers[name]; !asked {
		i.Askers = nil
		if err != nil {
			return nil
		}
	}
	if err != nil {
		i.Certificate = c.adopted[name]
		i.Adopted = i.Certificate != nil
		return i
	}
	stored, err := gatelodge.DecodeIssuance(item.Data)
	if err != nil {
		c.t.Error(err)
		return i
	}
	i.Ordered, i.With, i.Window, i.Directory = len(stored.Order) > 0, stored.With, stored.Window, stored.Directory
	if stored.Failure != nil && (stored.Failure.Profile == "" || stored.Failure.Profile == i.Profile) {
		i.RetryAt = stored.Failure.RetryAt
	}
	if len(stored.Chain) > 0 && (stored.Namespace == "" || len(i.Askers) == 0 || stored.Namespace == c.askers[name]) {
		i.Certificate = certificateOfPEM(c.t, stored.Chain, stored.Key)
		i.Certificate.Flaw = c.flawed[i.Certificate.Fingerprint]
	}
	return i
}

func certificateOfPEM(t *testing.T, chain, key []byte) *gatelodge.Certificate {
	pair, err := keyPair(chain, key)
	if err != nil {
		t.Error(err)
		return nil
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Error(err)
		return nil
	}
	sum := sha256.Sum256(leaf.Raw)
	c := &gatelodge.Certificate{Source: gatelodge.FromACME, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Fingerprint: hex.EncodeToString(sum[:]), KeyPair: pair}
	for _, name := range leaf.DNSNames {
		c.Names = append(c.Names, gatelodge.Name(name))
	}
	return c
}

// lead has a replica lead until stop is called.
func (c *testCluster) lead(ctx context.Context, replica int) (issuer *Issuer, stop func()) {
	issuer = c.replicas[replica]
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); issuer.Run(ctx) }()
	return issuer, func() { cancel(); <-done }
}

// replaceLeaders has the other replica lead whenever the leader is killed.
func (c *testCluster) replaceLeaders(ctx context.Context) {
	for replica := 0; ctx.Err() == nil; replica = 1 - replica {
		alive, kill := context.WithCancel(ctx)
		c.mu.Lock()
		c.kill = kill
		c.mu.Unlock()
		_, stop := c.lead(alive, replica)
		<-alive.Done()
		stop()
	}
}

// killLeader ends the leader that replaceLeaders runs: it stores nothing any more.
func (c *testCluster) killLeader() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kill()
}

// noRecords answers no DNS query (SERVFAIL), which forbids nothing. Package caa would ask
// a resolver otherwise, and made-up time stands still while an answer is awaited.
func noRecords(query []byte) []byte {
	response := bytes.Clone(query)
	response[2], response[3] = response[2]|0x80, response[3]|2 // QR, RCODE (RFC 1035 §4.1.1)
	return response
}
