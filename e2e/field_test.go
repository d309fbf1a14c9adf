package e2e

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/undertest"
)

// TestServicesAreAnswered: the names of Services lead where ExternalDNS has them
// lead, and follow their endpoints and the nodes.
func TestServicesAreAnswered(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	manifest := func(name, annotations, spec string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop, annotations: {%s}}\nspec: {%s}\n", name, annotations, spec)
	}
	hostname := func(name string) string {
		return "external-dns.alpha.kubernetes.io/hostname: " + name + ".pke.example.com"
	}
	endpoints := func(list string) string {
		return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}\naddressType: IPv4\nports: [{name: \"\", port: 5432}]\nendpoints: [" + list + "]\n"
	}
	node := func(address string) string {
		return "apiVersion: v1\nkind: Node\nmetadata: {name: one}\nstatus: {addresses: [{type: InternalIP, address: " + address + "}]}\n"
	}
	write(t, folder, "services.yaml", manifest("mail", hostname("mail"), "type: ExternalName, externalName: mx.example.net")+
		manifest("db", hostname("db"), "clusterIP: None, ports: [{port: 5432}]")+
		manifest("game", hostname("game"), "type: NodePort, ports: [{port: 80, nodePort: 30080}]")+
		manifest("edge", hostname("edge"), "type: LoadBalancer, externalIPs: [198.51.100.3], ports: [{port: 80}]")+
		manifest("inside", hostname("inside")+", external-dns.alpha.kubernetes.io/internal-hostname: inside-in.pke.example.com", "clusterIP: 10.96.0.9, ports: [{port: 80}]"))
	write(t, folder, "endpoints.yaml", endpoints("{addresses: [10.0.0.1], hostname: db-0}, {addresses: [10.0.0.2], conditions: {ready: false}}"))
	write(t, folder, "nodes.yaml", node("10.1.0.1"))
	g := serve(t, folder, zoneConfig)
	ask := func(name string, rtype uint16, want ...string) func() error {
		return func() error {
			answer, err := g.Query("udp", name+".pke.example.com", rtype)
			if err != nil {
				return err
			}
			var got []string
			for _, record := range answer.Answer {
				got = append(got, strings.TrimPrefix(record.String(), record.Header().String()))
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				return fmt.Errorf("%s %s answers %q, want %q", name, dns.TypeToString[rtype], got, want)
			}
			return nil
		}
	}
	for _, check := range []func() error{
		ask("mail", dns.TypeA, "mx.example.net."),
		ask("db", dns.TypeA, "10.0.0.1"),
		ask("db-0.db", dns.TypeA, "10.0.0.1"),
		ask("game", dns.TypeA, "10.1.0.1"),
		ask("_game._tcp.game", dns.TypeSRV, "0 50 30080 game.pke.example.com."),
		ask("edge", dns.TypeA, "198.51.100.3"),
		ask("inside", dns.TypeA),
		ask("inside-in", dns.TypeA, "10.96.0.9"),
	} {
		if err := check(); err != nil {
			t.Error(err)
		}
	}
	if page, err := g.Page("/api/problems"); err != nil || !strings.Contains(page, "hostname has no effect here: a Service of type ClusterIP") {
		t.Errorf("the name that leads nowhere is not told: %v\n%s", err, page)
	}
	write(t, folder, "endpoints.yaml", endpoints("{addresses: [10.0.0.3], hostname: db-1}, {addresses: [10.0.0.2]}"))
	g.Await("the pods to follow", ask("db", dns.TypeA, "10.0.0.2", "10.0.0.3"))
	g.Await("the names of pods to follow", ask("db-1.db", dns.TypeA, "10.0.0.3"))
	g.Await("a pod that is gone", ask("db-0.db", dns.TypeA))
	write(t, folder, "nodes.yaml", node("10.1.0.2"))
	g.Await("the nodes to follow", ask("game", dns.TypeA, "10.1.0.2"))
}

// TestPastedSecretIsServed: a client that trusts the root alone reaches a host
// whose Secret holds a combined file in disorder.
func TestPastedSecretIsServed(t *testing.T) {
	t.Parallel()
	root := undertest.NewCA(t, "root")
	issuing := root.CA(t, "issuing")
	leaf := issuing.Server(t, "web.pke.example.com")
	text := base64.StdEncoding.EncodeToString([]byte("\ufeff" + string(issuing.Certificate) + strings.TrimSpace(string(leaf.Key)) + string(leaf.Certificate)))
	folder := t.TempDir()
	write(t, folder, "WEB.YAML", classManifest+service("echo", startBackend(t, "echo"))+ingress("web", "web.pke.example.com", "echo", "pasted")+fmt.Sprintf(
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: pasted, namespace: shop}\ntype: kubernetes.io/tls\ndata: {tls.crt: %s, tls.key: %s}\n", text, text))
	g := serve(t, folder, zoneConfig)
	g.Roots = root.Pool()
	if status, body, err := g.Get("https://web.pke.example.com/"); err != nil || status != http.StatusOK || body != "echo" {
		t.Errorf("%d %q %v", status, body, err)
	}
	if page, err := g.Page("/api/problems"); err != nil || strings.Contains(page, "pasted") {
		t.Errorf("it is taken for a problem: %v\n%s", err, page)
	}
}

// TestSpellingsOfAppProtocol: a backend is spoken to as its Service says in any
// case.
func TestSpellingsOfAppProtocol(t *testing.T) {
	t.Parallel()
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, r.TLS != nil) })
	start := func(configure func(*httptest.Server)) string {
		server := httptest.NewUnstartedServer(answer)
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetHTTP1(true)
		configure(server)
		t.Cleanup(server.Close)
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		return port
	}
	plain := start((*httptest.Server).Start)
	secured := start((*httptest.Server).StartTLS)
	h2c := start(func(s *httptest.Server) { s.Config.Protocols.SetUnencryptedHTTP2(true); s.Start() })
	folder := t.TempDir()
	manifests := classManifest
	wants := make(map[string]string)
	add := func(i int, protocol, port, want string) {
		name := fmt.Sprintf("b%d", i)
		manifests += strings.Replace(service(name, port), "port: 80", "port: 80, appProtocol: "+fmt.Sprintf("%q", protocol), 1) + ingress(name, name+".pke.example.com", name, "")
		wants[name] = want
	}
	for i, protocol := range []string{"HTTP", "ws", "kubernetes.io/ws", "mysql"} {
		add(i, protocol, plain, "HTTP/1.1false")
	}
	for i, protocol := range []string{"H2C", "http2", "HTTP2", "GRPC", "kubernetes.io/h2c"} {
		add(10+i, protocol, h2c, "HTTP/2.0false")
	}
	for i, protocol := range []string{"HTTPS", "Https", "TLS", "kubernetes.io/wss"} {
		add(20+i, protocol, secured, "HTTP/1.1true")
	}
	write(t, folder, "all.yaml", manifests)
	g := serve(t, folder, zoneConfig)
	for name, want := range wants {
		if status, body, err := g.Get("http://" + name + ".pke.example.com/"); err != nil || status != http.StatusOK || body != want {
			t.Errorf("%s: %d %q %v, want %q", name, status, body, err, want)
		}
	}
}

// TestPatternIsToldAndWhatToWrite: what the problem of a pattern says to write
// does what was meant.
func TestPatternIsToldAndWhatToWrite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(path string) string {
		return strings.Replace(ingress("web", "web.pke.example.com", "echo", ""), "path: /,", fmt.Sprintf("path: %q,", path), 1)
	}
	rest := classManifest + service("echo", startBackend(t, "echo"))
	write(t, folder, "all.yaml", rest+at("/api(/|$)(.*)"))
	g := serve(t, folder, zoneConfig)
	if page, err := g.Page("/api/problems"); err != nil || !strings.Contains(page, `write \"/api\" with pathType Prefix instead`) {
		t.Errorf("%v\n%s", err, page)
	}
	if err := g.Answers("http://web.pke.example.com/api/x", http.StatusNotFound); err != nil {
		t.Error(err)
	}
	write(t, folder, "all.yaml", rest+at("/api"))
	g.Await("what was told to work", func() error { return g.Answers("http://web.pke.example.com/api/x", http.StatusOK) })
}
