package certmanager_test

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// What an updated zone is called, and by which key it is updated.
const (
	updatedName  = "wild.test"
	updateKey    = "cert-manager"
	updateSecret = "bm90IGEgc2VjcmV0LCBidXQgdGhpcnR5LXR3byBvY3RldHM="
)

// updatedZone is a zone at a name server that takes dynamic updates (RFC 2136), signed
// by a key (RFC 8945), as one may have before it moves to the gateway. Beside its SOA
// record it has the TXT records that it was given.
type updatedZone struct {
	address string // of the name server

	mu      sync.Mutex
	records []dns.RR
}

// startUpdatedZone serves an updated zone until the test ends.
func startUpdatedZone(t *testing.T) *updatedZone {
	t.Helper()
	z := &updatedZone{address: undertest.FreeAddress(t)}
	packets, err := net.ListenPacket("udp", z.address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", z.address)
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: packets}, {Listener: listener}} {
		server.Handler = dns.HandlerFunc(z.serve)
		server.TsigSecret = map[string]string{dns.Fqdn(updateKey): updateSecret}
		server.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept } // by default no updates
		served := make(chan error, 1)
		go func() { served <- server.ActivateAndServe() }()
		t.Cleanup(func() {
			server.Shutdown()
			<-served
		})
	}
	return z
}

func (z *updatedZone) serve(w dns.ResponseWriter, m *dns.Msg) {
	reply := new(dns.Msg).SetReply(m)
	reply.Authoritative = true
	switch {
	case m.Opcode == dns.OpcodeQuery:
		reply.Answer = z.lookUp(m.Question[0])
	case m.Opcode != dns.OpcodeUpdate:
		reply.Rcode = dns.RcodeNotImplemented
	case m.IsTsig() == nil || w.TsigStatus() != nil:
		reply.Rcode = dns.RcodeNotAuth
	default:
		z.update(m.Ns)
		reply.SetTsig(dns.Fqdn(updateKey), dns.HmacSHA256, 300, time.Now().Unix())
	}
	w.WriteMsg(reply)
}

func (z *updatedZone) lookUp(q dns.Question) (answer []dns.RR) {
	apex := dns.Fqdn(updatedName)
	if q.Qtype == dns.TypeSOA && q.Name == apex {
		return []dns.RR{&dns.SOA{
			Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 1},
			Ns:  "ns." + apex, Mbox: "hostmaster." + apex, Serial: 1,
		}}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, record := range z.records {
		if h := record.Header(); h.Name == q.Name && h.Rrtype == q.Qtype {
			answer = append(answer, record)
		}
	}
	return answer
}

// update adds and deletes single records (RFC 2136 §2.5).
func (z *updatedZone) update(changes []dns.RR) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, record := range changes {
		added := record.Header().Class == dns.ClassINET
		record.Header().Class = dns.ClassINET
		z.records = slices.DeleteFunc(z.records, func(other dns.RR) bool { return dns.IsDuplicate(record, other) })
		if added {
			z.records = append(z.records, record)
		}
	}
}
