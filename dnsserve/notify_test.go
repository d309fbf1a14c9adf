package dnsserve

import (
	"encoding/base64"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// TestSecondariesAreTold: of the version that is there at the start and of each
// later one, signed, and again if they don't say that they heard.
func TestSecondariesAreTold(t *testing.T) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan *dns.Msg, 10)
	deaf := true
	key := transferKeys[0]
	secondary := &dns.Server{PacketConn: socket, TsigSecret: map[string]string{"first.key.": base64.StdEncoding.EncodeToString(key.Secret)}}
	secondary.MsgAcceptFunc = func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	secondary.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		reply := new(dns.Msg)
		reply.SetReply(m)
		if m.IsTsig() == nil || w.TsigStatus() != nil {
			t.Errorf("%v, %v", m, w.TsigStatus())
		}
		if deaf {
			reply.Rcode, deaf = dns.RcodeServerFailure, false
		} else {
			told <- m
		}
		reply.SetTsig("first.key.", dns.HmacSHA256, 300, time.Now().Unix())
		if err := w.WriteMsg(reply); err != nil {
			t.Error(err)
		}
	})
	ended := make(chan error, 1)
	go func() { ended <- secondary.ActivateAndServe() }()
	t.Cleanup(func() {
		if err := secondary.Shutdown(); err != nil {
			t.Error(err)
		}
		<-ended
	})

	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1")
	to := func(x *gatelodge.Transfer) {
		x.Notify = []netip.AddrPort{netip.MustParseAddrPort(socket.LocalAddr().String())}
	}
	_, live := startServer(t, Config{}, transferSnapshot(z, to))
	await := func() {
		t.Helper()
		select {
		case m := <-told:
			if m.Opcode != dns.OpcodeNotify || !m.Authoritative || m.Question[0] != (dns.Question{Name: "example.", Qtype: dns.TypeSOA, Qclass: dns.ClassINET}) {
				t.Errorf("%v", m)
			}
		case <-time.After(patience):
			t.Fatal("the secondary is not told")
		}
	}
	await()
	live.Swap(transferSnapshot(edited(z, "www.example", func(*gatelodge.Node) *gatelodge.Node { return nil }), to))
	await()
	live.Swap(transferSnapshot(edited(z, "www.example", func(*gatelodge.Node) *gatelodge.Node { return nil }), to))
	select {
	case m := <-told:
		t.Errorf("the secondary is told of no change: %v", m)
	default:
	}
}
