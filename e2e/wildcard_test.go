package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// wildcardRecords asks for wildcards in namespace evil. "*.pke.example.com" is
// older than what shop has, "*.alias.pke.example.com" leads where evil answers.
const wildcardRecords = `---
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: wild, namespace: evil, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  endpoints:
  - {dnsName: "*.pke.example.com", recordType: A, targets: [192.0.2.66]}
  - {dnsName: "*.alias.pke.example.com", recordType: CNAME, targets: [evil.example.net]}
  - {dnsName: "*.text.pke.example.com", recordType: TXT, targets: [forged]}
  - {dnsName: "_acme-challenge.own.pke.example.com", recordType: CNAME, targets: [evil.example.net]}
`

// victims have names below those wildcards: of a Service that waits for its
// address, of Ingresses whose records others make, and one that is published.
const victims = `---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: elsewhere
  namespace: shop
  creationTimestamp: "2026-02-01T00:00:00Z"
  annotations: {external-dns.alpha.kubernetes.io/controller: another}
spec:
  ingressClassName: gatelodge
  rules: [{host: elsewhere.pke.example.com}, {host: below.alias.pke.example.com}, {host: "*.deep.text.pke.example.com"}]
---
apiVersion: v1
kind: Service
metadata:
  name: pending
  namespace: shop
  creationTimestamp: "2026-02-01T00:00:00Z"
  annotations: {external-dns.alpha.kubernetes.io/hostname: pending.team.pke.example.com}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop, creationTimestamp: "2026-02-01T00:00:00Z"}
spec:
  ingressClassName: gatelodge
  rules: [{host: web.pke.example.com}]
`

// TestAttackWildcardRecord: what evil's wildcards answered before they answer no
// more as soon as it is, or is above, a name of shop.
func TestAttackWildcardRecord(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "class.yaml", classManifest)
	write(t, folder, "wild.yaml", wildcardRecords)
	g := serve(t, folder, zoneConfig)
	names := []string{
		"elsewhere", "any.elsewhere", "_acme-challenge.elsewhere",
		"pending.team", "x.pending.team", "_acme-challenge.pending.team", "_acme-challenge.team",
		"below.alias", "_acme-challenge.below.alias", "_acme-challenge.alias", "_dnsauth.alias",
		"any.deep.text", "_acme-challenge.deep.text", "_acme-challenge.text", "_acme-challenge.web", "x.web",
	}
	for _, name := range names {
		if text, err := forged(g, name); err != nil || text == "" {
			t.Errorf("before shop comes, %s answers %q %v", name, text, err)
		}
	}
	write(t, folder, "shop.yaml", victims)
	awaitOwner(t, g, "web.pke.example.com", "shop", "")
	for _, name := range names {
		if text, err := forged(g, name); err != nil || text != "" {
			t.Errorf("%s answers %q %v", name, text, err)
		}
	}
	for _, name := range []string{"free", "any.free", "other.alias", "other.text"} {
		if text, err := forged(g, name); err != nil || text == "" {
			t.Errorf("%s is below a wildcard, and answers %q %v", name, text, err)
		}
	}
	write(t, folder, "shop.yaml", "")
	g.Await("the wildcards to answer again", func() error {
		for _, name := range names {
			if text, err := forged(g, name); err != nil || text == "" {
				return fmt.Errorf("%s answers %q %v", name, text, err)
			}
		}
		return nil
	})
}

// forged returns all that a name answers to questions for addresses, texts and
// aliases.
func forged(g *undertest.Gateway, name string) (text string, err error) {
	var answers []string
	for _, qtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeCNAME} {
		answer, err := g.Query("udp", name+".pke.example.com", qtype)
		if err != nil {
			return "", err
		}
		for _, record := range answer.Answer {
			answers = append(answers, record.String())
		}
	}
	return strings.Join(answers, "; "), nil
}

// TestAliasesThatLeadNowhere: an alias that becomes one of a circle is not
// answered any more, and is again when the circle ends.
func TestAliasesThatLeadNowhere(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "class.yaml", classManifest)
	endpoint := func(name, from, to string) string {
		return fmt.Sprintf(`---
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: %s, namespace: shop}
spec: {endpoints: [{dnsName: %q, recordType: CNAME, targets: [%s]}]}
`, name, from, to)
	}
	write(t, folder, "one.yaml", endpoint("one", "a.pke.example.com", "b.pke.example.com")+endpoint("two", "b.pke.example.com", "any.wild.pke.example.com"))
	g := serve(t, folder, zoneConfig)
	await := func(what string, aliases int) {
		t.Helper()
		g.Await(what, func() error {
			answer, err := g.Query("udp", "a.pke.example.com", dns.TypeA)
			if err == nil && (len(answer.Answer) != aliases || answer.Rcode == dns.RcodeServerFailure) {
				err = fmt.Errorf("a answers\n%s", answer)
			}
			return err
		})
	}
	await("the alias", 2)
	write(t, folder, "three.yaml", endpoint("three", "*.wild.pke.example.com", "a.pke.example.com"))
	await("the circle to be left out", 0)
	snapshot, err := g.Page("/snapshot")
	if err != nil || strings.Count(snapshot, "it leads in a circle") != 3 {
		t.Errorf("not each of three authors is told: %v\n%s", err, snapshot)
	}
	write(t, folder, "three.yaml", endpoint("three", "*.wild.pke.example.com", "elsewhere.example.net"))
	await("the circle to be gone", 3)
}

// TestGrantedApex: a namespace that the configuration names has the apex as a
// host, and no other has.
func TestGrantedApex(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "web.yaml", classManifest+claimOf("evil", "web", "2026-01-01T00:00:00Z", "pke.example.com"))
	write(t, folder, "shop.yaml", service("a", startBackend(t, "a"))+claimOf("shop", "web", "2026-02-01T00:00:00Z", "pke.example.com")+`---
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: proof, namespace: shop}
spec: {endpoints: [{dnsName: _acme-challenge.pke.example.com, recordType: CNAME, targets: [proofs.example.net]}]}
`)
	g := serve(t, folder, strings.Replace(zoneConfig, "hostmaster: hostmaster@example.com", "hostmaster: hostmaster@example.com, grants: [shop]", 1))
	awaitOwner(t, g, "pke.example.com", "shop", "Ingress evil/web")
	for qtype, want := range map[uint16]string{
		dns.TypeA: "192.0.2.10", dns.TypeNS: "ns1.pke.example.com.", dns.TypeSOA: "ns1.pke.example.com. hostmaster.example.com.",
	} {
		answer, err := g.Query("udp", "pke.example.com", qtype)
		if err != nil || len(answer.Answer) != 1 || !strings.Contains(answer.Answer[0].String(), want) {
			t.Errorf("%s of the apex: %v %v, want %s", dns.TypeToString[qtype], answer, err, want)
		}
	}
	answer, err := g.Query("udp", "_acme-challenge.pke.example.com", dns.TypeTXT)
	if err != nil || !slices.ContainsFunc(answer.Answer, func(r dns.RR) bool { return strings.HasSuffix(r.String(), "CNAME\tproofs.example.net.") }) {
		t.Errorf("the proof of the apex is not led on: %v %v", answer, err)
	}
	if status, body, err := g.Get("http://pke.example.com/"); err != nil || status != 200 || !strings.Contains(body, "a") {
		t.Errorf("the apex answers %d %q %v", status, body, err)
	}
}
