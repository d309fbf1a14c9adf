package pebble

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Resolver is the resolver of a CA. It asks the server of a name's zone, and
// knows the addresses of other names itself.
type Resolver struct {
	Address string

	mu        sync.Mutex
	zones     map[string]string
	addresses map[string]string
}

func startResolver(t testing.TB, zones, addresses map[string]string) *Resolver {
	t.Helper()
	r := &Resolver{zones: make(map[string]string), addresses: make(map[string]string)}
	for zone, server := range zones {
		r.SetZone(zone, server)
	}
	for name, address := range addresses {
		r.SetAddress(name, address)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.Address = listener.Addr().String()
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(r.serve)}
	served := make(chan error, 1)
	go func() { served <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		server.Shutdown()
		<-served
	})
	return r
}

// SetZone has the names at and below a zone asked of a server.
func (r *Resolver) SetZone(zone, server string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.zones[dns.Fqdn(zone)] = server
}

// SetAddress gives a name an address, whatever a server says of it. "*" stands
// for every other name.
func (r *Resolver) SetAddress(name, address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addresses[dns.Fqdn(name)] = address
}

func (r *Resolver) serve(w dns.ResponseWriter, query *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(query)
	question := query.Question[0]
	name := strings.ToLower(question.Name)
	r.mu.Lock()
	address, known := r.addresses[name]
	var server string
	for zone, s := range r.zones {
		if dns.IsSubDomain(zone, name) {
			server = s
		}
	}
	if !known && server == "" {
		address, known = r.addresses["*."]
	}
	r.mu.Unlock()
	switch {
	case known && question.Qtype == dns.TypeA:
		answer.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.ParseIP(address),
		}}
	case known:
	case server == "":
		answer.Rcode = dns.RcodeNameError
	default:
		client := dns.Client{Net: "tcp", Timeout: 5 * time.Second}
		reply, _, err := client.Exchange(query, server)
		if err != nil {
			answer.Rcode = dns.RcodeServerFailure
		} else {
			answer = reply
		}
	}
	w.WriteMsg(answer)
}
