package acme_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/pebble"
)

// textsOf returns the TXT records that the gateway serves for a name.
func (s *site) textsOf(name string) (texts []string, err error) {
	query := new(dns.Msg)
	query.SetQuestion(name+".", dns.TypeTXT)
	reply, _, err := new(dns.Client).Exchange(query, s.DNS)
	if err != nil {
		return nil, err
	}
	for _, rr := range reply.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			texts = append(texts, strings.Join(txt.Txt, ""))
		}
	}
	return texts, nil
}

// TestPersistentRecord: the zone has a record for each name with a certificate, by which
// Pebble validates renewals, also of a wildcard; it goes with the host.
func TestPersistentRecord(t *testing.T) {
	t.Parallel()
	s := newSite(t, pebble.Options{Validity: map[string]time.Duration{"short": 90 * time.Second}})
	s.zone = ", caa: auto"
	s.configure("profile: short", "persistentRecords: true")
	s.ask("www.example.test", "*.branches.example.test")
	s.start()
	s.Await("the records and the first certificates", func() error {
		for name, want := range map[string]string{
			"_validation-persist.www.example.test":      `^pebble\.letsencrypt\.org; accounturi=https://\S+$`,
			"_validation-persist.branches.example.test": `^pebble\.letsencrypt\.org; accounturi=https://\S+; policy=wildcard$`,
		} {
			texts, err := s.textsOf(name)
			if err != nil {
				return err
			}
			if len(texts) != 1 || !regexp.MustCompile(want).MatchString(texts[0]) {
				return fmt.Errorf("%s has %q, want one that matches %s", name, texts, want)
			}
		}
		return s.accepted("www.example.test", "x.branches.example.test")
	})
	list, err := s.caaOf("example.test")
	if err != nil || len(list) != 1 || !strings.HasSuffix(list[0], `; validationmethods=dns-01,dns-persist-01"`) {
		t.Errorf("the CAA records are %v (%v), want one that lets both ways of validation", list, err)
	}

	s.Await("a renewal of each by its record", func() error {
		for _, name := range []string{"www.example.test", "*.branches.example.test"} {
			// In the log the order is followed by its certificate.
			ordered := regexp.MustCompile(`(?s)msg="ordered a certificate" name=` + regexp.QuoteMeta(name) + ` [^\n]* by=dns-persist-01.*msg="a certificate was issued" name=` + regexp.QuoteMeta(name) + ` `)
			if !ordered.MatchString(s.Stderr.String()) {
				return fmt.Errorf("%s was not renewed by dns-persist-01", name)
			}
		}
		return nil
	})
	if _, failed := s.proxy.Orders(); failed != 0 {
		t.Errorf("%d orders failed", failed)
	}

	s.ask("www.example.test")
	s.Await("the end of the record with its host", func() error {
		kept, err := s.textsOf("_validation-persist.www.example.test")
		gone, errGone := s.textsOf("_validation-persist.branches.example.test")
		if err == nil && (len(kept) != 1 || len(gone) > 0) {
			err = fmt.Errorf("the host that stays has %q, the one that left %q", kept, gone)
		}
		return errors.Join(err, errGone)
	})
}
