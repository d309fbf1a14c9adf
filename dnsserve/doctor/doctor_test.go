package doctor

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// server answers on loopback until the test ends: the first of its answers whose
// question fits. A rcode alone is an answer without records.
type server struct {
	answers []answer
	address string
}

type answer struct {
	question string // name and type
	rcode    int
	lame     bool // without authority
	records  []string
	refers   []string // of the authority section
	extra    []string
}

func serve(t *testing.T, answers ...answer) *server {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{answers: answers, address: conn.LocalAddr().String()}
	started := make(chan struct{})
	d := &dns.Server{PacketConn: conn, Handler: s, NotifyStartedFunc: func() { close(started) }}
	ended := make(chan error, 1)
	go func() { ended <- d.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		if err := errors.Join(d.Shutdown(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *server) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	m := new(dns.Msg)
	m.SetRcode(r, dns.RcodeRefused)
	q := r.Question[0]
	for _, a := range s.answers {
		if a.question == strings.TrimSuffix(q.Name, ".")+" "+dns.Type(q.Qtype).String() {
			m.SetRcode(r, a.rcode)
			m.Authoritative = !a.lame
			m.Answer, m.Ns, m.Extra = parsed(a.records), parsed(a.refers), parsed(a.extra)
			break
		}
	}
	_ = w.WriteMsg(m) // the client sees that nothing came
}

func parsed(texts []string) (records []dns.RR) {
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		records = append(records, rr)
	}
	return records
}

// zone is the zone of the tests: a name server inside and a host.
func zone() *gatelodge.Snapshot {
	record := func(name gatelodge.Name, rtype, data string) *gatelodge.Node {
		return &gatelodge.Node{Name: name, Records: []gatelodge.Record{{Name: name, Type: rtype, TTL: time.Minute, Data: data}}}
	}
	z := &gatelodge.Zone{Name: "pke.example.com", Nodes: gatelodge.NodeMap(
		record("pke.example.com", "NS", "ns1.pke.example.com."),
		record("ns1.pke.example.com", "A", "127.0.0.1"),
		record("app.pke.example.com", "A", "192.0.2.10"))}
	return &gatelodge.Snapshot{
		Views: []*gatelodge.View{{Name: "default", Zones: []*gatelodge.Zone{z}}},
		Hosts: gatelodge.HostMap(&gatelodge.Host{Name: "app.pke.example.com"}),
	}
}

// What the servers answer where nothing is wrong.
var (
	soa      = answer{question: "pke.example.com SOA", records: []string{"pke.example.com. 60 IN SOA ns1.pke.example.com. h.example.com. 1 2 3 4 5"}}
	referral = answer{question: "pke.example.com NS", lame: true, refers: []string{"pke.example.com. 60 IN NS ns1.pke.example.com."}, extra: []string{"ns1.pke.example.com. 60 IN A 127.0.0.1"}}
	noDS     = answer{question: "pke.example.com DS"}
	known    = answer{question: "app.pke.example.com A", records: []string{"app.pke.example.com. 60 IN A 192.0.2.10"}}
)

// newDoctor returns a doctor whose resolver and parent give these answers, and
// whose zone is served by another that gives its SOA answer.
func newDoctor(t *testing.T, own answer, answers ...answer) *Doctor {
	t.Helper()
	other := serve(t, answers...)
	_, port, err := net.SplitHostPort(serve(t, own).address)
	if err != nil {
		t.Fatal(err)
	}
	d := New(Config{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Settings: func() Settings {
			return Settings{Resolvers: []string{other.address}, Parents: []string{other.address}, Interval: time.Hour}
		},
		Snapshot: zone,
		Answer: func(_ string, name gatelodge.Name, _ string) gatelodge.Answer {
			return gatelodge.Answer{Records: []gatelodge.Record{{Name: name, Type: "A", Data: "192.0.2.10"}}}
		},
		Changed: func() {},
	})
	d.port = port
	return d
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name    string
		own     answer
		answers []answer
		want    []gatelodge.FindingKind
		text    string // of the first
	}{
		{"nothing is wrong", soa, []answer{referral, noDS, known}, nil, ""},
		{"the zone above does not have it", soa, []answer{{question: "pke.example.com NS", rcode: dns.RcodeNameError}, noDS, known},
			[]gatelodge.FindingKind{gatelodge.NotDelegated}, "zone pke.example.com is not delegated: the servers of example.com have no NS records for it"},
		{"other servers", soa, []answer{{question: "pke.example.com NS", refers: []string{"pke.example.com. 60 IN NS old.example.com."}}, noDS, known,
			{question: "old.example.com A", records: []string{"old.example.com. 60 IN A 127.0.0.1"}}},
			[]gatelodge.FindingKind{gatelodge.WrongServers}, "delegate zone pke.example.com to old.example.com, and its own NS records are ns1.pke.example.com"},
		{"glue is missing", soa, []answer{{question: "pke.example.com NS", refers: referral.refers}, noDS, known, {question: "ns1.pke.example.com A", records: []string{"ns1.pke.example.com. 60 IN A 127.0.0.1"}}},
			[]gatelodge.FindingKind{gatelodge.WrongGlue}, "have no address (glue) of ns1.pke.example.com"},
		{"other glue", soa, []answer{{question: "pke.example.com NS", refers: referral.refers, extra: []string{"ns1.pke.example.com. 60 IN A 127.0.0.1", "ns1.pke.example.com. 60 IN A 127.0.0.2"}}, noDS, known},
			[]gatelodge.FindingKind{gatelodge.WrongGlue, gatelodge.LameServer}, "say that ns1.pke.example.com has the addresses 127.0.0.1, 127.0.0.2, and the zone says 127.0.0.1"},
		{"a DS record", soa, []answer{referral, {question: "pke.example.com DS", records: []string{"pke.example.com. 60 IN DS 1 13 2 " + strings.Repeat("ab", 32)}}, known},
			[]gatelodge.FindingKind{gatelodge.UnsignedDS}, "have a DS record for zone pke.example.com, which is not signed"},
		{"a server that refuses", answer{question: "other SOA"}, []answer{referral, noDS, known},
			[]gatelodge.FindingKind{gatelodge.LameServer}, "answers REFUSED"},
		{"a server without authority", answer{question: soa.question, lame: true, records: soa.records}, []answer{referral, noDS, known},
			[]gatelodge.FindingKind{gatelodge.LameServer}, "answers, but not with authority"},
		{"a resolver that remembers", soa, []answer{referral, noDS, {question: "app.pke.example.com A", rcode: dns.RcodeNameError, refers: []string{"pke.example.com. 30 IN SOA ns1.pke.example.com. h.example.com. 1 2 3 4 900"}}},
			[]gatelodge.FindingKind{gatelodge.StaleAnswer}, "still says that app.pke.example.com does not exist: it was asked before the name existed, and remembers that for up to 30s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDoctor(t, c.own, c.answers...)
			d.Round(t.Context())
			found := d.Found("pke.example.com")
			if found == nil || found.Error != "" {
				t.Fatalf("%+v", found)
			}
			var kinds []gatelodge.FindingKind
			for _, f := range found.Findings {
				kinds = append(kinds, f.Kind)
				if f.Do == "" {
					t.Errorf("it is not said what to do: %+v", f)
				}
			}
			if !slices.Equal(kinds, c.want) || len(kinds) > 0 && !strings.Contains(found.Findings[0].Text, c.text) {
				t.Errorf("%+v, expected %v %q", found.Findings, c.want, c.text)
			}
		})
	}
}

// TestNoAnswer: what can't be found out is no finding.
func TestNoAnswer(t *testing.T) {
	d := newDoctor(t, soa)
	d.Round(t.Context())
	if found := d.Found("pke.example.com"); found == nil || !strings.Contains(found.Error, "answers REFUSED") || len(found.Findings) > 0 {
		t.Errorf("%+v", found)
	}
}

// TestParentIsFound: without servers of the zone above they are found by the
// resolvers, at the nearest name above that has some.
func TestParentIsFound(t *testing.T) {
	d := newDoctor(t, soa)
	other := serve(t, referral, noDS, soa, known,
		answer{question: "example.com NS"},
		answer{question: "com NS", records: []string{"com. 60 IN NS a.example.net."}},
		answer{question: "a.example.net A", records: []string{"a.example.net. 60 IN A 127.0.0.1"}})
	_, port, err := net.SplitHostPort(other.address)
	if err != nil {
		t.Fatal(err)
	}
	d.port, d.Settings = port, func() Settings { return Settings{Resolvers: []string{other.address}, Interval: time.Hour} }
	d.Round(t.Context())
	if found := d.Found("pke.example.com"); found == nil || found.Error != "" || found.Parent != "com" || len(found.Findings) > 0 {
		t.Errorf("%+v", found)
	}
}

// TestResolverForgets: a resolver that has forgotten is no finding any more.
func TestResolverForgets(t *testing.T) {
	d := newDoctor(t, soa, referral, noDS, answer{question: "app.pke.example.com A", rcode: dns.RcodeNameError})
	d.Round(t.Context())
	if found := d.Found("pke.example.com"); len(found.Findings) != 1 || d.lookAgain(t.Context()) {
		t.Fatalf("%+v", found.Findings)
	}
	other := serve(t, known)
	d.Settings = func() Settings { return Settings{Resolvers: []string{other.address}, Interval: time.Hour} }
	if changed := d.lookAgain(t.Context()); !changed || len(d.Found("pke.example.com").Findings) > 0 {
		t.Errorf("%+v", d.Found("pke.example.com").Findings)
	}
}

// memory is a Store of one item.
type memory struct {
	gatelodge.Item
	changed func(string)
}

func (m *memory) Get(context.Context, string) (gatelodge.Item, error) {
	if m.Version == "" {
		return gatelodge.Item{}, gatelodge.ErrNotFound
	}
	return m.Item, nil
}

func (m *memory) Put(_ context.Context, name string, i gatelodge.Item) (string, error) {
	i.Version = m.Version + "+"
	m.Item = i
	m.changed(name)
	return i.Version, nil
}

func (m *memory) Delete(context.Context, string, string) error { return nil }

func (m *memory) Watch(_ context.Context, _ string, changed func(string)) error {
	m.changed = changed
	return nil
}

// TestReplicasKnow: what the leader finds, another replica knows.
func TestReplicasKnow(t *testing.T) {
	leader, replica, store := newDoctor(t, soa, referral, noDS, known), newDoctor(t, soa), &memory{}
	if err := replica.Follow(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	leader.Round(t.Context())
	for range 2 {
		if err := leader.store(t.Context(), store); err != nil {
			t.Fatal(err)
		}
	}
	got, want := replica.Found("pke.example.com"), leader.Found("pke.example.com")
	if got == nil || !slices.Equal(got.Servers, want.Servers) || !slices.Equal(got.Glue, want.Glue) || !got.At.Equal(want.At) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
