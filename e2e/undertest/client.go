package undertest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/miekg/dns"
)

// Client returns an HTTP client that reaches every host at the gateway, trusts
// g.Roots and does not follow redirects.
func (g *Gateway) Client() *http.Client {
	dialer := &net.Dialer{Timeout: answerTime}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, _ := net.SplitHostPort(address)
			switch {
			case port == "80":
				address = g.HTTP
			case port == "443":
				address = g.HTTPS
			case net.ParseIP(host) == nil: // the port that the gateway redirects to
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig:   &tls.Config{RootCAs: g.Roots},
		ForceAttemptHTTP2: true,
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Get asks with a client of its own, so that each call makes a new connection.
func (g *Gateway) Get(url string) (status int, body string, err error) {
	client := g.Client()
	defer client.CloseIdleConnections()
	return Get(client, url)
}

// Get asks with a client.
func Get(client *http.Client, url string) (status int, body string, err error) {
	response, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// Answers returns an error unless url answers with the status.
func (g *Gateway) Answers(url string, status int) error {
	got, body, err := g.Get(url)
	if err == nil && got != status {
		err = fmt.Errorf("%s: %s answers %d %.80q, want %d", g.Name, url, got, body, status)
	}
	return err
}

// Page returns a page of the admin endpoint.
func (g *Gateway) Page(path string) (string, error) {
	status, body, err := g.Get("http://" + g.Admin + path)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %s: %d %s", g.Name, path, status, body)
	}
	return body, err
}

// Shown returns the certificate that a client without any trust is shown for a
// name.
func (g *Gateway) Shown(name string) (*x509.Certificate, error) {
	return g.Handshake(&tls.Config{ServerName: name, InsecureSkipVerify: true})
}

// Accepted returns the certificate that a client accepts for a name, trusting
// g.Roots.
func (g *Gateway) Accepted(name string) (*x509.Certificate, error) {
	return g.Handshake(&tls.Config{ServerName: name, RootCAs: g.Roots})
}

// Handshake returns the certificate that a client of a configuration is shown.
func (g *Gateway) Handshake(config *tls.Config) (*x509.Certificate, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: answerTime}, Config: config}
	conn, err := dialer.Dial("tcp", g.HTTPS)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.Name, err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// Query asks the gateway's DNS server over udp or tcp, as a resolver does: once more
// where the answer does not come.
func (g *Gateway) Query(network, name string, qtype uint16) (answer *dns.Msg, err error) {
	const tries = 3
	client := dns.Client{Net: network, Timeout: answerTime / tries}
	message := new(dns.Msg)
	message.SetQuestion(dns.Fqdn(name), qtype)
	message.RecursionDesired = false
	for range tries {
		if answer, _, err = client.Exchange(message, g.DNS); err == nil {
			break
		}
	}
	return answer, err
}

// Addresses returns the A records of a name; none if the name does not exist.
func (g *Gateway) Addresses(name string) ([]string, error) {
	answer, err := g.Query("udp", name, dns.TypeA)
	if err != nil {
		return nil, err
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("%s: the query for %s answers %s", g.Name, name, dns.RcodeToString[answer.Rcode])
	}
	var addresses []string
	for _, record := range answer.Answer {
		if a, ok := record.(*dns.A); ok {
			addresses = append(addresses, a.A.String())
		}
	}
	return addresses, nil
}

// OneSession is a client's cache of one TLS session, which it offers to every host.
type OneSession struct{ Session *tls.ClientSessionState }

// Get returns the session.
func (c *OneSession) Get(string) (*tls.ClientSessionState, bool) {
	return c.Session, c.Session != nil
}

// Put replaces the session; nil, by which crypto/tls drops one, is ignored.
func (c *OneSession) Put(_ string, session *tls.ClientSessionState) {
	if session != nil {
		c.Session = session
	}
}
