package api_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// party is a CA, or somebody whose certificate one has signed.
type party struct {
	key                     *ecdsa.PrivateKey
	leaf                    *x509.Certificate
	certificate, privateKey []byte // PEM
}

func newParty(t *testing.T, issuer *party, template *x509.Certificate) *party {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.leaf, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &party{
		key: key, leaf: leaf,
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		privateKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func newCA(t *testing.T, name string) *party {
	return newParty(t, nil, &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true})
}

func (p *party) server(t *testing.T, hosts ...string) *party {
	return newParty(t, p, &x509.Certificate{Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts})
}

// secret is what cert-manager makes of a certificate.
func (p *party) secret(name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{corev1.TLSCertKey: p.certificate, corev1.TLSPrivateKeyKey: p.privateKey},
	}
}

// shown returns the certificate that the next client sees.
func (g *gateway) shown(t *testing.T, host string) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", g.https, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// untilShown returns how long it takes until the next client sees it.
func (g *gateway) untilShown(t *testing.T, host string, p *party) time.Duration {
	t.Helper()
	for start := time.Now(); ; {
		shown := g.shown(t, host)
		took := time.Since(start)
		if bytes.Equal(shown.Raw, p.leaf.Raw) {
			return took
		}
		if took > time.Minute {
			t.Fatalf("%s still shows %v by %s", host, shown.DNSNames, shown.Issuer)
		}
	}
}

// TestReplacedCertificate: a Secret is replaced in place, as cert-manager does,
// and by a new one, as people do. Soon a handshake shows it, and
// connections stay. What is no certificate is an Event, and changes nothing.
func TestReplacedCertificate(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	ca := newCA(t, "Test CA")
	g.roots = x509.NewCertPool()
	g.roots.AddCert(ca.leaf)
	const host = "web.example.test"
	secrets := cluster.Client.CoreV1().Secrets("shop")
	put := func(secret *corev1.Secret) {
		t.Helper()
		if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	create := func(secret *corev1.Secret) {
		t.Helper()
		if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}

	first := ca.server(t, host)
	create(first.secret("web-tls"))
	cluster.Apply(t, startBackend(t, "shop", 1))
	cluster.Apply(t, ingress("web", host, "  tls: [{secretName: web-tls}]\n"))
	await(t, "the first certificate", func() error { return g.wants("https://"+host+"/", http.StatusOK) })

	client := g.client()
	defer client.CloseIdleConnections()
	ask := func() error {
		response, err := client.Get("https://" + host + "/")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		if !bytes.Equal(response.TLS.PeerCertificates[0].Raw, first.leaf.Raw) {
			return fmt.Errorf("the connection was made anew")
		}
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}

	var times []time.Duration
	for range 10 {
		next := ca.server(t, host)
		put(next.secret("web-tls"))
		times = append(times, g.untilShown(t, host, next))

		next = ca.server(t, host)
		if err := secrets.Delete(t.Context(), "web-tls", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		create(next.secret("web-tls"))
		times = append(times, g.untilShown(t, host, next))
	}
	slices.Sort(times)
	t.Logf("from acceptance to the first handshake that shows it, of %d: least %v, median %v, most %v",
		len(times), times[0], times[len(times)/2], times[len(times)-1])

	last := ca.server(t, host)
	put(last.secret("web-tls"))
	g.untilShown(t, host, last)
	for i, spoil := range []func(*corev1.Secret){
		func(s *corev1.Secret) { s.Data[corev1.TLSPrivateKeyKey] = first.privateKey },
		func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte("none") },
	} {
		broken := last.secret("web-tls")
		spoil(broken)
		put(broken)
		await(t, "an Event about the broken Secret", func() error {
			if events := eventsOf(t, cluster, "shop", "web", "Problem"); len(events) <= i {
				return fmt.Errorf("there are %d Events", len(events))
			} else if text := fmt.Sprint(events); !strings.Contains(text, "still served") {
				return fmt.Errorf("the Events do not say it: %s", text)
			}
			return nil
		})
		if !bytes.Equal(g.shown(t, host).Raw, last.leaf.Raw) {
			t.Error("a broken Secret took the certificate away that was served before")
		}
	}
	put(first.secret("web-tls"))
	g.untilShown(t, host, first)
	if err := ask(); err != nil {
		t.Errorf("the connection from before all that: %v", err)
	}
}

// lastSession is a client's cache that offers the last session to every host.
type lastSession struct{ session *tls.ClientSessionState }

func (c *lastSession) Get(string) (*tls.ClientSessionState, bool) { return c.session, c.session != nil }

func (c *lastSession) Put(_ string, session *tls.ClientSessionState) {
	if session != nil {
		c.session = session
	}
}

// ask makes a connection for one host and a request on it for another, and
// tells whether the session was resumed, and what was answered.
func (g *gateway) ask(t *testing.T, sni, host string, config *tls.Config) (resumed bool, status int) {
	t.Helper()
	config = config.Clone()
	config.ServerName = sni
	transport := &http.Transport{
		TLSClientConfig:   config,
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, g.https)
		},
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + host + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	return response.TLS.DidResume, response.StatusCode
}

// TestSessionsAcrossReplicas: a ticket of one replica is good at another and
// after a restart, never under another rule for client certificates; and a
// connection is for hosts of its own rule alone.
func TestSessionsAcrossReplicas(t *testing.T) {
	cluster := startCluster(t)
	file, kubeconfig := configFile(t, gatewayConfig), cluster.Kubeconfig(t, us)
	a, b := start(t, "a", file, "--kubeconfig", kubeconfig), start(t, "b", file, "--kubeconfig", kubeconfig)

	ca, clients := newCA(t, "Test CA"), newCA(t, "Clients")
	jane := newParty(t, clients, &x509.Certificate{Subject: pkix.Name{CommonName: "jane"}})
	site := ca.server(t, "open.example.test", "closed.example.test", "other.example.test")
	authorities := func(name string, cas ...*party) string {
		var text []byte
		for _, p := range cas {
			text = append(text, p.certificate...)
		}
		return fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: shop}\ndata: {ca.crt: %s}\n---\n", name, base64.StdEncoding.EncodeToString(text))
	}
	asking := func(name, secret string) string {
		text := ingress(name, name+".example.test", "  tls: [{secretName: site}]\n---\n")
		if secret == "" {
			return text
		}
		return strings.Replace(text, "namespace: shop}", "namespace: shop, annotations: {nginx.ingress.kubernetes.io/auth-tls-secret: shop/"+secret+"}}", 1)
	}
	if _, err := cluster.Client.CoreV1().Secrets("shop").Create(t.Context(), site.secret("site"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+authorities("clients", clients)+authorities("two", clients, ca)+
		asking("open", "")+asking("closed", "clients")+asking("other", "two"))

	roots := x509.NewCertPool()
	roots.AddCert(ca.leaf)
	pair, err := tls.X509KeyPair(jane.certificate, jane.privateKey)
	if err != nil {
		t.Fatal(err)
	}
	returning := func() *tls.Config {
		return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, ClientSessionCache: new(lastSession)}
	}
	hosts := []string{"open.example.test", "closed.example.test", "other.example.test"}
	for _, g := range []*gateway{a, b} {
		for _, host := range hosts {
			await(t, host, func() error {
				config := returning()
				config.InsecureSkipVerify = true // the certificate comes a moment after the route
				if _, status := g.ask(t, host, host, config); status != http.StatusOK {
					return fmt.Errorf("%s: %s answers %d to a client with a certificate", g.pod, host, status)
				}
				return nil
			})
		}
	}
	shared := func(one, two *gateway) error {
		config := returning()
		one.ask(t, hosts[0], hosts[0], config)
		if resumed, _ := two.ask(t, hosts[0], hosts[0], config); !resumed {
			return fmt.Errorf("%s does not resume a session of %s", two.pod, one.pod)
		}
		return nil
	}
	await(t, "the replicas to have the same ticket keys", func() error { return shared(a, b) })

	for _, from := range hosts {
		for _, to := range hosts {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				config := returning()
				config.MaxVersion = version
				a.ask(t, from, from, config)
				if resumed, status := b.ask(t, to, to, config); resumed != (from == to) || status != http.StatusOK {
					t.Errorf("%s: a session of %s, at the other replica for %s: resumed: %t, answered %d",
						tls.VersionName(version), from, to, resumed, status)
				}
			}
			want := http.StatusOK
			if from != to {
				want = http.StatusMisdirectedRequest // the certificate is for all three, but the rules differ
			}
			if _, status := a.ask(t, from, to, returning()); status != want {
				t.Errorf("a request for %s on a connection for %s: %d, want %d", to, from, status, want)
			}
		}
	}
	stranger := returning()
	stranger.Certificates = nil
	if _, status := a.ask(t, hosts[1], hosts[1], stranger); status != http.StatusBadRequest {
		t.Errorf("a client without a certificate: %d, want 400", status)
	}

	config := returning()
	a.ask(t, hosts[1], hosts[1], config)
	a.stop()
	b.stop()
	again := start(t, "a", file, "--kubeconfig", kubeconfig)
	await(t, "the session to go on after a restart", func() error {
		kept := config.Clone()
		kept.ClientSessionCache = &lastSession{config.ClientSessionCache.(*lastSession).session}
		if resumed, status := again.ask(t, hosts[1], hosts[1], kept); !resumed || status != http.StatusOK {
			return fmt.Errorf("resumed: %t, answered %d", resumed, status)
		}
		return nil
	})
}
