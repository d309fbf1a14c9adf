package e2e

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

const viewsConfig = `apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
listeners:
- {name: http, protocol: HTTP, address: "%[1]s", view: internal}
- {name: https, protocol: HTTPS, address: "%[2]s", view: internal}
- {name: dns, protocol: DNS, address: "%[3]s", view: internal}
- {name: http-external, protocol: HTTP, address: "%[4]s", view: external}
- {name: https-external, protocol: HTTPS, address: "%[5]s", view: external}
- {name: dns-external, protocol: DNS, address: "%[6]s", view: external}
- {name: http-both, protocol: HTTP, address: "%[7]s", views: [internal, external]}
- {name: https-both, protocol: HTTPS, address: "%[8]s", views: [internal, external]}
- {name: dns-both, protocol: DNS, address: "%[9]s", views: [internal, external]}
views:
- {name: internal, addresses: [10.0.0.10], dnsAddresses: [10.0.0.53], owners: true, clients: [127.0.1.0/24]}
- {name: external, addresses: [203.0.113.10], dnsAddresses: [203.0.113.53]}
dns:
  zones:
  - {name: pke.example.com, nameservers: [ns1], hostmaster: hostmaster@example.com, views: [internal], transfer: {tsigFile: "%[10]s"}}
  - {name: pke.example.com, nameservers: [ns1], hostmaster: hostmaster@example.com, views: [external], transfer: {tsigFile: "%[11]s"}}
drain: {delay: 0s, timeout: 10s, tunnels: 10s}
`

// viewClient asks one listener of each protocol from one address.
type viewClient struct {
	from             string
	http, https, dns string
	view             string // that it is in
}

func (c *viewClient) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: time.Minute, LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
	if network == "udp" {
		dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(c.from)}
	}
	return dialer.DialContext(ctx, network, address)
}

// status asks for a host in clear text.
func (c *viewClient) status(host string) (int, error) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return c.dial(ctx, "tcp", c.http)
	}}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	status, _, err := undertest.Get(&client, "http://"+host+"/")
	return status, err
}

// certified reports whether a host is shown by a certificate of its own.
func (c *viewClient) certified(host string) (bool, error) {
	conn, err := c.dial(context.Background(), "tcp", c.https)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	secured := tls.Client(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err := secured.Handshake(); err != nil {
		return false, err
	}
	shown := secured.ConnectionState().PeerCertificates[0]
	return slices.Contains(shown.DNSNames, host) && shown.Issuer.CommonName == "the company", nil
}

func (c *viewClient) query(name string, rtype uint16) (answer string, rcode int, err error) {
	conn, err := c.dial(context.Background(), "udp", c.dns)
	if err != nil {
		return "", 0, err
	}
	defer conn.Close()
	message := new(dns.Msg)
	message.SetQuestion(dns.Fqdn(name), rtype)
	reply, _, err := (&dns.Client{Timeout: time.Minute}).ExchangeWithConn(message, &dns.Conn{Conn: conn})
	if err != nil {
		return "", 0, err
	}
	for _, record := range reply.Answer {
		answer += strings.TrimPrefix(record.String(), record.Header().String())
	}
	return answer, reply.Rcode, nil
}

// transfer copies the zone with a key.
func (c *viewClient) transfer(key, secret string) (records []dns.RR, err error) {
	conn, err := c.dial(context.Background(), "tcp", c.dns)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	x := dns.Transfer{Conn: &dns.Conn{Conn: conn}, ReadTimeout: time.Minute, TsigSecret: map[string]string{key: secret}}
	message := new(dns.Msg)
	message.SetAxfr("pke.example.com.")
	message.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
	envelopes, err := x.In(message, c.dns)
	if err != nil {
		return nil, err
	}
	for e := range envelopes {
		if e.Error != nil {
			return nil, e.Error
		}
		records = append(records, e.RR...)
	}
	return records, nil
}

// sees returns an error unless the client has route, certificate and record of a host
// together, or none of them.
func (c *viewClient) sees(host string, wanted bool, address string) error {
	status, err := c.status(host)
	if err != nil {
		return err
	}
	certified, err := c.certified(host)
	if err != nil {
		return err
	}
	answer, rcode, err := c.query(host, dns.TypeA)
	if err != nil {
		return err
	}
	route, record := status == 308, answer == address && rcode == dns.RcodeSuccess // to HTTPS, which is there
	none := status == 404 && !certified && rcode == dns.RcodeNameError
	if wanted != (route && certified && record) || !wanted != none {
		return fmt.Errorf("from %s in view %s %s answers %d, its certificate %v, its address %q (%s); wanted %v", c.from, c.view, host, status, certified, answer, dns.RcodeToString[rcode], wanted)
	}
	return nil
}

// TestViews: two views of one zone on listeners of their own, and on listeners that
// both have, where the client's address decides. Each client has the routes,
// certificates, records and copies of its view alone, and a host that moves to the other
// view takes all of them along.
func TestViews(t *testing.T) {
	t.Parallel()
	const both, inside, outside = "both.pke.example.com", "inside.pke.example.com", "outside.pke.example.com"
	addresses := map[string]string{"internal": "10.0.0.10", "external": "203.0.113.10"}
	secrets := map[string]string{"internal": base64.StdEncoding.EncodeToString([]byte("a secret of the internal view ..")), "external": base64.StdEncoding.EncodeToString([]byte("a secret of the external view .."))}

	folder, keys := t.TempDir(), t.TempDir()
	for view, secret := range secrets {
		write(t, keys, view, fmt.Sprintf("key %q { algorithm hmac-sha256; secret %q; };\n", view+".", secret))
	}
	ca := undertest.NewCA(t, "the company")
	write(t, folder, "class.yaml", classManifest+service("app", startBackend(t, "the app"))+ca.Server(t, both, inside, outside).Secret("shop", "shop"))
	put := func(name, host, views string) {
		write(t, folder, name+".yaml", strings.Replace(ingress(name, host, "app", "shop"),
			"namespace: shop}", `namespace: shop, annotations: {gatelodge.dev/views: "`+views+`"}}`, 1))
	}
	put("both", both, "internal, external")
	put("inside", inside, "internal")
	put("outside", outside, "external")

	g := undertest.New(t)
	free := undertest.FreeAddresses(t, 9)
	var args []any
	for _, address := range free {
		args = append(args, address)
	}
	config := configFile(t, fmt.Sprintf(viewsConfig, append(args, filepath.Join(keys, "internal"), filepath.Join(keys, "external"))...))
	g.Run("serve", "--manifests", folder, "--config", config, "--admin", g.Admin)
	g.AwaitReady()

	clients := []*viewClient{
		{"127.0.1.5", free[0], free[1], free[2], "internal"},
		{"127.0.2.5", free[3], free[4], free[5], "external"},
		{"127.0.1.5", free[3], free[4], free[5], "external"},
		{"127.0.1.5", free[6], free[7], free[8], "internal"},
		{"127.0.2.5", free[6], free[7], free[8], "external"},
	}
	for _, c := range clients {
		for host, wanted := range map[string]bool{both: true, inside: c.view == "internal", outside: c.view == "external"} {
			if err := c.sees(host, wanted, addresses[c.view]); err != nil {
				t.Error(err)
			}
		}
		owner, rcode, err := c.query("_owner."+both, dns.TypeTXT)
		if told := strings.Contains(owner, "namespace=shop"); err != nil || told != (c.view == "internal") || !told && rcode != dns.RcodeNameError {
			t.Errorf("the owner in view %s is %q (%s), %v", c.view, owner, dns.RcodeToString[rcode], err)
		}
	}

	// A key is for its view, wherever it is used on listeners that have it.
	serials := make(map[string]uint32)
	for _, c := range clients {
		for view, secret := range secrets {
			shared := c.dns == free[8]
			records, err := c.transfer(view+".", secret)
			if !shared && view != c.view {
				if err == nil {
					t.Errorf("the key of view %s copies view %s", view, c.view)
				}
				continue
			}
			if err != nil {
				t.Errorf("view %s from %s: %v", view, c.from, err)
				continue
			}
			var text strings.Builder
			for _, record := range records {
				fmt.Fprintln(&text, record)
			}
			other := map[string]string{"internal": outside, "external": inside}[view]
			for words, wanted := range map[string]bool{both: true, addresses[view]: true, other: false, "_owner.": view == "internal"} {
				if strings.Contains(text.String(), words) != wanted {
					t.Errorf("the copy of view %s has %s: %v, want %v:\n%s", view, words, !wanted, wanted, text.String())
				}
			}
			serial := records[0].(*dns.SOA).Serial
			if before, known := serials[view]; known && before != serial {
				t.Errorf("view %s has serial %d and %d", view, before, serial)
			}
			serials[view] = serial
		}
	}

	put("inside", inside, "external")
	for _, c := range clients {
		g.Await("inside to move", func() error { return c.sees(inside, c.view == "external", addresses[c.view]) })
		if err := c.sees(both, true, addresses[c.view]); err != nil {
			t.Error(err)
		}
	}
}

// TestViewsExample: what docs/views.md says of the example holds.
func TestViewsExample(t *testing.T) {
	t.Parallel()
	code, out, stderr := gatelodge(t, "", "check", "--config", "../deploy/views/gateway.yaml", "../deploy/views/shop.yaml")
	if code != 0 {
		t.Errorf("check ends with %d: %s", code, stderr)
	}
	internal, external, found := strings.Cut(out, "view external 203.0.113.10\n")
	if !found || !strings.Contains(internal, "stock.pke.example.com. 60 IN A 10.0.0.10") || !strings.Contains(external, "shop.pke.example.com. 60 IN A 203.0.113.10") ||
		strings.Contains(external, "stock.") || strings.Contains(external, "_owner.") || strings.Contains(external, "10.0.0.") {
		t.Errorf("check prints\n%s", out)
	}
}
