package dnsserve

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
	"gatelodge.dev/kube/state"
)

// TestSerialFromTheStore: where serials are kept in a store, no other is told. Until
// one is known the SOA record is not answered for, and all else is.
func TestSerialFromTheStore(t *testing.T) {
	store, err := state.NewFolderStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	z := testZone(t, "example", "@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1")
	start := func(lead bool) *Server {
		var live gatelodge.Live
		s := New(&live, Config{})
		s.UseStore(store)
		live.Swap(snapshotOf(z))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.FollowSerials(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		if lead {
			led := make(chan bool)
			go func() {
				s.LeadSerials(ctx)
				close(led)
			}()
			t.Cleanup(func() { stop(); <-led })
		}
		return s
	}
	question := func(name string, qtype uint16) *dns.Msg {
		m := new(dns.Msg)
		m.SetQuestion(name, qtype)
		return m
	}
	first := start(false)
	r := first.newResponder([]string{"default"})
	if got := exchange(t, r, question("example.", dns.TypeSOA), overUDP); got.Rcode != dns.RcodeServerFailure {
		t.Errorf("SOA before there is a serial: %v", got)
	}
	if got := exchange(t, r, question("www.example.", dns.TypeA), overUDP); len(got.Answer) != 1 {
		t.Errorf("an address before there is a serial: %v", got)
	}
	if got := exchange(t, r, question("none.example.", dns.TypeA), overUDP); got.Rcode != dns.RcodeNameError || len(got.Ns) != 1 {
		t.Errorf("a negative answer before there is a serial: %v", got)
	}
	if serial, ok := first.Serial("example", "default"); ok {
		t.Errorf("serial %d before there is one", serial)
	}

	began := uint32(time.Now().Unix())
	second := start(true)
	await := func(s *Server) uint32 {
		deadline := time.Now().Add(patience)
		for time.Now().Before(deadline) {
			got := exchange(t, s.newResponder([]string{"default"}), question("example.", dns.TypeSOA), overUDP)
			if got.Rcode == dns.RcodeSuccess {
				return got.Answer[0].(*dns.SOA).Serial
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatal("no serial is answered")
		return 0
	}
	want := await(second)
	if now := uint32(time.Now().Unix()); versions.Less(want, began) || versions.Less(now, want) {
		t.Errorf("serial %d, want a time from %d to %d", want, began, now)
	}
	again := start(false) // a later process has the serial from the store, without a leader
	if got := await(again); got != want {
		t.Errorf("serial %d after %d", got, want)
	}
}
