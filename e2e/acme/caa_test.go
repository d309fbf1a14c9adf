package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/pebble"
)

// namedCA has the CA say that CAA records call it by another name than Pebble's.
func (s *site) namedCA(identity string) {
	s.t.Helper()
	roots, err := os.ReadFile(s.ca.RootsFile())
	if err != nil {
		s.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	response, err := client.Get(s.proxy.Directory)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var directory map[string]any
	if err := json.NewDecoder(response.Body).Decode(&directory); err != nil {
		s.t.Fatal(err)
	}
	meta, _ := directory["meta"].(map[string]any)
	meta["caaIdentities"] = []string{identity}
	text, err := json.Marshal(directory)
	if err != nil {
		s.t.Fatal(err)
	}
	s.proxy.SetFault(func(step pebble.Step) error {
		if step.Kind == pebble.Directory && !step.After {
			return &pebble.Instead{Status: 200, Body: string(text)}
		}
		return nil
	})
}

// caaOf returns the CAA records that the gateway serves for a name.
func (s *site) caaOf(name string) ([]string, error) {
	query := new(dns.Msg)
	query.SetQuestion(name+".", dns.TypeCAA)
	reply, _, err := new(dns.Client).Exchange(query, s.DNS)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, rr := range reply.Answer {
		list = append(list, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return list, nil
}

// TestCAA: what CAA records forbid is not ordered, and a problem names the record and
// its owner; "auto" has the zone let our CA and account issue, and no other.
func TestCAA(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{})
	s.namedCA("pebble.example")
	s.zone = `, caa: ['0 issue "other.example"']`
	s.configure()
	s.ask("www.example.test")
	s.start()
	s.Await("a problem that names the record", func() error {
		return s.told("Ingress shop/host-0", `no certificate was issued for www.example.test: CAA record 0 issue \"other.example\" at example.test does not let the CA pebble.example issue`)
	})
	if n := s.proxy.Count(pebble.NewOrder); n != 0 {
		t.Errorf("%d orders were placed against the CAA records", n)
	}

	s.Await("what is forbidden in the metrics", func() error { return s.forbidden(1) })

	s.zone = ", caa: auto"
	s.configure()
	s.Await("the CAA records of our CA", func() error {
		list, err := s.caaOf("example.test")
		if err == nil && (len(list) != 1 || !strings.HasPrefix(list[0], `0 issue "pebble.example; accounturi=https://localhost:`) ||
			!strings.HasSuffix(list[0], `; validationmethods=dns-01"`)) {
			err = fmt.Errorf("got %v", list)
		}
		return err
	})
	s.ask("www.example.test", "new.example.test")
	s.Await("a certificate that they allow", func() error { return s.accepted("new.example.test") })
	s.Await("nothing that is forbidden any more", func() error { return s.forbidden(0) })
}

// forbidden fails unless so many orders are forbidden by CAA records.
func (s *site) forbidden(want int) error {
	metrics, err := s.Page("/metrics")
	if line := fmt.Sprintf("\ngatelodge_acme_orders_forbidden %d\n", want); err == nil && !strings.Contains(metrics, line) {
		err = fmt.Errorf("the metrics lack %q", line)
	}
	return err
}
