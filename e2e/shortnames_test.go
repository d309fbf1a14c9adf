package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// TestShortNamesAndContacts: a host is reached by its long and its short name, both
// say whom to ask in the view that tells it and in no other, and both vanish together.
func TestShortNamesAndContacts(t *testing.T) {
	t.Parallel()
	const long, short = "app.projectc.marketing.pke.example.com", "app.projectc.pke.example.com"
	folder := t.TempDir()
	write(t, folder, "class.yaml", classManifest)
	write(t, folder, "service.yaml", service("app", startBackend(t, "the app")))
	namespace := func(shortNames string) {
		write(t, folder, "namespace.yaml", `apiVersion: v1
kind: Namespace
metadata:
  name: shop
  annotations: {gatelodge.dev/short-names: "`+shortNames+`", gatelodge.dev/contact: jane.doe@example.com}
`)
	}
	namespace("true")
	write(t, folder, "app.yaml", ingress("app", long, "app", ""))
	config := strings.NewReplacer(
		"views: [{name: default, addresses: [192.0.2.10]}]", "views: [{name: default, addresses: [192.0.2.10], owners: true}, {name: outside, addresses: [203.0.113.10]}]",
		"hostmaster: hostmaster@example.com", "hostmaster: hostmaster@example.com, levels: [domain, project], views: [default, outside]",
	).Replace(zoneConfig)
	g := undertest.New(t)
	config += fmt.Sprintf(`listeners:
- {name: http, protocol: HTTP, address: %q, view: default}
- {name: https, protocol: HTTPS, address: %q, view: default}
- {name: dns, protocol: DNS, address: %q, view: default}
`, g.HTTP, g.HTTPS, g.DNS)
	g.Run("serve", "--manifests", folder, "--config", configFile(t, config), "--admin", g.Admin)
	g.AwaitReady()

	answers := func(name string, rtype uint16, want string) error {
		answer, err := g.Query("udp", name, rtype)
		if err != nil {
			return err
		}
		for _, record := range answer.Answer {
			if strings.HasPrefix(strings.TrimPrefix(record.String(), record.Header().String()), want) {
				return nil
			}
		}
		return fmt.Errorf("%s %s is not answered with %s: %v", name, dns.TypeToString[rtype], want, answer)
	}
	for _, name := range []string{long, short} {
		for _, err := range []error{
			answers(name, dns.TypeA, "192.0.2.10"),
			answers(name, dns.TypeRP, `jane\.doe.example.com. _owner.`+name+`.`),
			answers("_owner."+name, dns.TypeTXT, `"namespace=shop object=Ingress/app since=`),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		if status, body, err := g.Get("http://" + name + "/"); err != nil || status != 200 || body != "the app" {
			t.Errorf("http://%s/ answers %d %q, %v", name, status, body, err)
		}
	}
	for view, owners := range map[string]bool{"default": true, "outside": false} {
		zone, err := g.Page("/api/zones/pke.example.com/" + view)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(zone, short) || strings.Contains(zone, "contact=jane.doe@example.com") != owners || strings.Contains(zone, "RP") != owners {
			t.Errorf("in view %s the zone is\n%s", view, zone)
		}
	}
	hosts, err := g.Page("/api/hosts")
	if err != nil || !strings.Contains(hosts, `"shortOf": "`+long+`"`) || !strings.Contains(hosts, `"contact": "jane.doe@example.com"`) {
		t.Errorf("/api/hosts answers %v\n%s", err, hosts)
	}

	namespace("redirect")
	g.Await("the short name to lead to the long one", func() error {
		response, err := g.Client().Get("http://" + short + "/a?b")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if to := response.Header.Get("Location"); response.StatusCode != 308 || to != "http://"+long+"/a?b" {
			return fmt.Errorf("it answers %d to %q", response.StatusCode, to)
		}
		return nil
	})
	namespace("false")
	g.Await("the short name to vanish", func() error {
		answer, err := g.Query("udp", short, dns.TypeA)
		if err == nil && answer.Rcode != dns.RcodeNameError {
			err = fmt.Errorf("it answers %v", answer)
		}
		return err
	})
	if err := g.Answers("http://"+short+"/", 404); err != nil {
		t.Error(err)
	}
	if err := g.Answers("http://"+long+"/", 200); err != nil {
		t.Error(err)
	}
}
