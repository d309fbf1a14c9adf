package api_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// tlsSecretOf returns a Secret in the namespace shop, as cert-manager makes it.
func tlsSecretOf(p *undertest.KeyPair, name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Type:       corev1.SecretTypeTLS,
		Data:       map[string][]byte{corev1.TLSCertKey: p.Certificate, corev1.TLSPrivateKeyKey: p.Key},
	}
}

// awaitShown returns how long it takes until the next client is shown the
// certificate.
func awaitShown(g *undertest.Gateway, host string, p *undertest.KeyPair) time.Duration {
	began := time.Now()
	g.Await("its new certificate for "+host, func() error {
		shown, err := g.Shown(host)
		if err == nil && !shown.Equal(p.Leaf) {
			err = fmt.Errorf("it shows one for %v by %s", shown.DNSNames, shown.Issuer)
		}
		return err
	})
	return time.Since(began)
}

// TestReplacedCertificate: a Secret is replaced in place, as cert-manager does,
// and by a new one, as people do. Soon a handshake shows it, and
// connections stay. An invalid certificate leads to an Event, and changes nothing.
func TestReplacedCertificate(t *testing.T) {
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	ca := undertest.NewCA(t, "Test CA")
	g.Roots = ca.Pool()
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

	first := ca.Server(t, host)
	create(tlsSecretOf(first, "web-tls"))
	cluster.Apply(t, startBackend(t, "shop", 1))
	cluster.Apply(t, ingress("web", host, "  tls: [{secretName: web-tls}]\n"))
	undertest.Await(t, "the first certificate", func() error { return g.Answers("https://"+host+"/", http.StatusOK) })

	client := g.Client()
	defer client.CloseIdleConnections()
	ask := func() error {
		response, err := client.Get("https://" + host + "/")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		if !bytes.Equal(response.TLS.PeerCertificates[0].Raw, first.Leaf.Raw) {
			return fmt.Errorf("the connection was made anew")
		}
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}

	var times []time.Duration
	for range 10 {
		next := ca.Server(t, host)
		put(tlsSecretOf(next, "web-tls"))
		times = append(times, awaitShown(g, host, next))

		next = ca.Server(t, host)
		if err := secrets.Delete(t.Context(), "web-tls", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		create(tlsSecretOf(next, "web-tls"))
		times = append(times, awaitShown(g, host, next))
		if err := ask(); err != nil { // each time, for a connection that is idle for long is ended
			t.Fatalf("the connection from before %d replacements: %v", len(times), err)
		}
	}
	slices.Sort(times)
	t.Logf("from acceptance to the first handshake that shows it, of %d: least %v, median %v, most %v",
		len(times), times[0], times[len(times)/2], times[len(times)-1])

	last := ca.Server(t, host)
	put(tlsSecretOf(last, "web-tls"))
	awaitShown(g, host, last)
	for i, spoil := range []func(*corev1.Secret){
		func(s *corev1.Secret) { s.Data[corev1.TLSPrivateKeyKey] = first.Key },
		func(s *corev1.Secret) { s.Data[corev1.TLSCertKey] = []byte("none") },
	} {
		broken := tlsSecretOf(last, "web-tls")
		spoil(broken)
		put(broken)
		undertest.Await(t, "an Event about the broken Secret", func() error {
			if events := eventsOf(t, cluster, "shop", "web", "Problem"); len(events) <= i {
				return fmt.Errorf("there are %d Events", len(events))
			} else if text := fmt.Sprint(events); !strings.Contains(text, "still served") {
				return fmt.Errorf("the Events do not say it: %s", text)
			}
			return nil
		})
		if shown, err := g.Shown(host); err != nil || !shown.Equal(last.Leaf) {
			t.Errorf("a broken Secret took away the certificate that was served before: %v", err)
		}
	}
	put(tlsSecretOf(first, "web-tls"))
	awaitShown(g, host, first)
	if err := ask(); err != nil {
		t.Errorf("the connection from before all that: %v", err)
	}
}

// ask makes a connection for one host and a request on it for another, and
// reports whether the session was resumed, and the status of the answer.
func ask(g *undertest.Gateway, sni, host string, config *tls.Config) (resumed bool, status int, err error) {
	config = config.Clone()
	config.ServerName = sni
	transport := &http.Transport{
		TLSClientConfig:   config,
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, g.HTTPS)
		},
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get("https://" + host + "/")
	if err != nil {
		return false, 0, fmt.Errorf("%s, %s: %w", g.Name, host, err)
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.TLS.DidResume, response.StatusCode, err
}

// TestSessionsAcrossReplicas: a ticket of one replica is good at another and after
// a restart, but never under another rule for client certificates; and a
// connection serves only hosts with its own rule.
func TestSessionsAcrossReplicas(t *testing.T) {
	cluster := startCluster(t)
	file, kubeconfig := configFile(t, gatewayConfig), cluster.Kubeconfig(t, us)
	a, b := start(t, "a", file, "--kubeconfig", kubeconfig), start(t, "b", file, "--kubeconfig", kubeconfig)

	ca, clients := undertest.NewCA(t, "Test CA"), undertest.NewCA(t, "Clients")
	jane := clients.Client(t, "jane")
	site := ca.Server(t, "open.example.test", "closed.example.test", "other.example.test")
	authorities := func(name string, cas ...*undertest.KeyPair) string {
		var text []byte
		for _, p := range cas {
			text = append(text, p.Certificate...)
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
	if _, err := cluster.Client.CoreV1().Secrets("shop").Create(t.Context(), tlsSecretOf(site, "site"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+authorities("clients", clients)+authorities("two", clients, ca)+
		asking("open", "")+asking("closed", "clients")+asking("other", "two"))

	pair, err := tls.X509KeyPair(jane.Certificate, jane.Key)
	if err != nil {
		t.Fatal(err)
	}
	returning := func() *tls.Config {
		return &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{pair}, ClientSessionCache: new(undertest.OneSession)}
	}
	hosts := []string{"open.example.test", "closed.example.test", "other.example.test"}
	for _, g := range []*undertest.Gateway{a, b} {
		for _, host := range hosts {
			undertest.Await(t, host, func() error {
				_, status, err := ask(g, host, host, returning())
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("%s: %s answers %d to a client with a certificate", g.Name, host, status)
				}
				return err // also while the certificate is not there, which comes a moment after the route
			})
		}
	}
	shared := func(one, two *undertest.Gateway) error {
		config := returning()
		if _, _, err := ask(one, hosts[0], hosts[0], config); err != nil {
			return err
		}
		resumed, _, err := ask(two, hosts[0], hosts[0], config)
		if err == nil && !resumed {
			err = fmt.Errorf("%s does not resume a session of %s", two.Name, one.Name)
		}
		return err
	}
	mustAsk := func(g *undertest.Gateway, sni, host string, config *tls.Config) (resumed bool, status int) {
		t.Helper()
		resumed, status, err := ask(g, sni, host, config)
		if err != nil {
			t.Fatal(err)
		}
		return resumed, status
	}
	undertest.Await(t, "the replicas to have the same ticket keys", func() error { return shared(a, b) })

	for _, from := range hosts {
		for _, to := range hosts {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				config := returning()
				config.MaxVersion = version
				mustAsk(a, from, from, config)
				if resumed, status := mustAsk(b, to, to, config); resumed != (from == to) || status != http.StatusOK {
					t.Errorf("%s: a session of %s, at the other replica for %s: resumed: %t, answered %d",
						tls.VersionName(version), from, to, resumed, status)
				}
			}
			want := http.StatusOK
			if from != to {
				want = http.StatusMisdirectedRequest // the certificate is for all three, but the rules differ
			}
			if _, status := mustAsk(a, from, to, returning()); status != want {
				t.Errorf("a request for %s on a connection for %s: %d, want %d", to, from, status, want)
			}
		}
	}
	stranger := returning()
	stranger.Certificates = nil
	if _, status := mustAsk(a, hosts[1], hosts[1], stranger); status != http.StatusBadRequest {
		t.Errorf("a client without a certificate: %d, want 400", status)
	}

	config := returning()
	mustAsk(a, hosts[1], hosts[1], config)
	a.Stop()
	b.Stop()
	again := start(t, "a", file, "--kubeconfig", kubeconfig)
	undertest.Await(t, "the session to go on after a restart", func() error {
		kept := config.Clone()
		kept.ClientSessionCache = &undertest.OneSession{Session: config.ClientSessionCache.(*undertest.OneSession).Session}
		resumed, status, err := ask(again, hosts[1], hosts[1], kept)
		if err == nil && (!resumed || status != http.StatusOK) {
			err = fmt.Errorf("resumed: %t, answered %d", resumed, status)
		}
		return err
	})
}
