package dnsserve

import (
	"testing"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// TestAnswerMessage: a query of this process is answered as one from outside, and what is in
// none of our zones is left to others.
func TestAnswerMessage(t *testing.T) {
	var live gatelodge.Live
	s := New(&live, Config{})
	ask := func(name string, qtype uint16) *dns.Msg {
		t.Helper()
		query := new(dns.Msg)
		query.SetQuestion(name, qtype)
		message, err := query.Pack()
		if err != nil {
			t.Fatal(err)
		}
		snapshot, _, _ := live.Current()
		if snapshot == nil {
			snapshot = &gatelodge.Snapshot{Views: []*gatelodge.View{{Name: "default"}}}
		}
		response := s.AnswerMessage(snapshot.Views, message)
		if response == nil {
			return nil
		}
		reply := new(dns.Msg)
		if err := reply.Unpack(response); err != nil {
			t.Fatal(err)
		}
		return reply
	}
	if got := ask("example.", dns.TypeCAA); got != nil {
		t.Errorf("before there is a snapshot: %v", got)
	}
	live.Swap(snapshotOf(testZone(t, "example", "@ NS ns1\n@ CAA 0 issue \"ca.example\"\nns1 A 192.0.2.53\nchild NS ns.other.")))
	if got := ask("example.", dns.TypeCAA); got == nil || !got.Authoritative || len(got.Answer) != 1 {
		t.Errorf("an apex: %v", got)
	}
	if got := ask("www.example.", dns.TypeCAA); got == nil || got.Rcode != dns.RcodeNameError || len(got.Ns) != 1 {
		t.Errorf("a name that does not exist: %v", got)
	}
	if got := ask("child.example.", dns.TypeCAA); got == nil || got.Authoritative || len(got.Ns) != 1 {
		t.Errorf("a delegated name: %v", got)
	}
	if got := ask("other.", dns.TypeCAA); got != nil {
		t.Errorf("a name of others: %v", got)
	}
	if got := s.AnswerMessage(nil, []byte("short")); got != nil {
		t.Errorf("what is not a query: %v", got)
	}
}
