package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestDNSEndpointsAreAnswered: what a DNSEndpoint says in text is what a
// resolver gets on the wire.
func TestDNSEndpointsAreAnswered(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 30)
	folder := t.TempDir()
	write(t, folder, "records.yaml", `apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: records, namespace: shop}
spec:
  endpoints:
  - {dnsName: a.pke.example.com, recordType: A, recordTTL: 30, targets: [192.0.2.7, 192.0.2.8]}
  - {dnsName: a.pke.example.com, recordType: AAAA, targets: ["2001:db8::7"]}
  - {dnsName: b.pke.example.com, recordType: CNAME, targets: [a.pke.example.com]}
  - {dnsName: a.pke.example.com, recordType: MX, targets: ["10 mail.example.net"]}
  - {dnsName: a.pke.example.com, recordType: TXT, targets: ['say "hi" \ ;', '"one" "tw\"o"', "`+long+`"]}
  - {dnsName: _sip._tcp.a.pke.example.com, recordType: SRV, targets: ["1 2 5060 a.pke.example.com"]}
  - {dnsName: a.pke.example.com, recordType: NAPTR, targets: ['100 10 "U" "E2U+sip" "!^.*$!sip:\\1@example.com!" .']}
  - {dnsName: "*.wild.pke.example.com", recordType: TXT, targets: [wild]}
`)
	g := serve(t, folder, zoneConfig)
	for _, test := range []struct {
		name  string
		rtype uint16
		want  []string
	}{
		{"a", dns.TypeA, []string{"a.pke.example.com.\t30\tIN\tA\t192.0.2.7", "a.pke.example.com.\t30\tIN\tA\t192.0.2.8"}},
		{"a", dns.TypeAAAA, []string{"a.pke.example.com.\t60\tIN\tAAAA\t2001:db8::7"}},
		{"b", dns.TypeAAAA, []string{"a.pke.example.com.\t60\tIN\tAAAA\t2001:db8::7", "b.pke.example.com.\t60\tIN\tCNAME\ta.pke.example.com."}},
		{"a", dns.TypeMX, []string{"a.pke.example.com.\t60\tIN\tMX\t10 mail.example.net."}},
		{"a", dns.TypeTXT, []string{
			"a.pke.example.com.\t60\tIN\tTXT\t\"" + long[:255] + "\" \"" + long[255:] + "\"",
			"a.pke.example.com.\t60\tIN\tTXT\t\"one\" \"tw\\\"o\"",
			"a.pke.example.com.\t60\tIN\tTXT\t\"say \\\"hi\\\" \\\\ ;\"",
		}},
		{"_sip._tcp.a", dns.TypeSRV, []string{"_sip._tcp.a.pke.example.com.\t60\tIN\tSRV\t1 2 5060 a.pke.example.com."}},
		{"a", dns.TypeNAPTR, []string{"a.pke.example.com.\t60\tIN\tNAPTR\t100 10 \"U\" \"E2U+sip\" \"!^.*$!sip:\\\\1@example.com!\" ."}},
		{"any.wild", dns.TypeTXT, []string{"any.wild.pke.example.com.\t60\tIN\tTXT\t\"wild\""}},
	} {
		answer, err := g.Query("tcp", test.name+".pke.example.com", test.rtype)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, record := range answer.Answer {
			got = append(got, record.String())
		}
		if slices.Sort(got); !slices.Equal(got, test.want) || !answer.Authoritative {
			t.Errorf("%s %s answers\n%s\nwant\n%s", test.name, dns.TypeToString[test.rtype], strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}

	write(t, folder, "records.yaml", "# nothing is asked for any more\n")
	g.Await("the records to vanish", func() error {
		answer, err := g.Query("udp", "a.pke.example.com", dns.TypeTXT)
		if err == nil && answer.Rcode != dns.RcodeNameError {
			err = fmt.Errorf("answers %v", answer)
		}
		return err
	})
}

// TestHostnameAnnotation: an Ingress for every host names those that resolve.
func TestHostnameAnnotation(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	web := strings.Replace(ingress("web", "HOST", "echo", ""), "metadata: {name: web, namespace: shop}", `metadata:
  name: web
  namespace: shop
  annotations: {external-dns.alpha.kubernetes.io/hostname: "one.pke.example.com,two.pke.example.com", external-dns.alpha.kubernetes.io/ttl: 2m}`, 1)
	web = strings.Replace(web, `- host: "HOST"`+"\n    http", "- http", 1)
	write(t, folder, "web.yaml", classManifest+service("echo", startBackend(t, "echo"))+web)
	g := serve(t, folder, zoneConfig)
	for _, host := range []string{"one.pke.example.com", "two.pke.example.com"} {
		answer, err := g.Query("udp", host, dns.TypeA)
		if err != nil || len(answer.Answer) != 1 || answer.Answer[0].String() != host+".\t120\tIN\tA\t192.0.2.10" {
			t.Errorf("%s resolves to %v %v", host, answer, err)
		}
		if status, body, err := g.Get("http://" + host + "/"); err != nil || status != 200 || !strings.Contains(body, "echo") {
			t.Errorf("%s answers %d %q %v", host, status, body, err)
		}
	}
}
