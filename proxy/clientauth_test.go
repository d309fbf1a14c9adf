package proxy

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	gatelodge "gatelodge.dev"
)

const trustKey = "0123"

// ruled gives the app's host a rule for client certificates.
func ruled(rule gatelodge.ClientAuth) func(*gatelodge.Snapshot) {
	return func(s *gatelodge.Snapshot) {
		rule.Trust = &gatelodge.ClientTrust{Key: trustKey}
		onlyHost(s).ClientAuth = &rule
	}
}

// clientShows gives every client a certificate, nil for none, under the rule.
func clientShows(client *gatelodge.ClientCertificate) func(*gatelodge.Handshake) {
	return func(h *gatelodge.Handshake) { h.ClientTrust, h.Client = trustKey, client }
}

var jane = gatelodge.ClientCertificate{
	Leaf:    &x509.Certificate{Raw: []byte("not read by the proxy, which passes it on: ~~~~")},
	Subject: "CN=jane,O=Shop", Issuer: "CN=Shop CA",
}

func failing(why string, stranger bool) *gatelodge.ClientCertificate {
	client := jane
	client.Failure, client.UnknownCA = why, stranger
	return &client
}

// clientFields responds with the fields about the client's certificate.
func clientFields(w http.ResponseWriter, r *http.Request) {
	for name, values := range r.Header {
		if strings.HasPrefix(name, "Ssl-Client-") {
			w.Header()["Got-"+name] = values
		}
	}
}

func told(answer answerOf) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
		if short, ok := strings.CutPrefix(name, "Got-Ssl-Client-"); ok {
			lines = append(lines, strings.ToLower(short)+": "+strings.Join(answer.Header[name], " AND "))
		}
	}
	return strings.Join(lines, "; ")
}

// TestClientCertificates: which clients each mode accepts, and what the backend
// receives.
func TestClientCertificates(t *testing.T) {
	const (
		on       = gatelodge.ClientAuthOn
		optional = gatelodge.ClientAuthOptional
		noCA     = gatelodge.ClientAuthOptionalNoCA
		names    = "issuer-dn: CN=Shop CA; subject-dn: CN=jane,O=Shop; verify: "
	)
	of := func(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }
	for _, c := range []struct {
		name   string
		rule   gatelodge.ClientAuth
		client *gatelodge.ClientCertificate
		status int
		told   string
	}{
		{"trusted", gatelodge.ClientAuth{Mode: on}, &jane, 200, names + "SUCCESS"},
		{"none", gatelodge.ClientAuth{Mode: on}, nil, 400, ""},
		{"bad", gatelodge.ClientAuth{Mode: on}, failing("certificate revoked", false), 400, ""},
		{"of an unknown CA", gatelodge.ClientAuth{Mode: on}, failing("unknown", true), 400, ""},
		{"optional, trusted", gatelodge.ClientAuth{Mode: optional}, &jane, 200, names + "SUCCESS"},
		{"optional, none", gatelodge.ClientAuth{Mode: optional}, nil, 200, "verify: NONE"},
		{"optional, of an unknown CA", gatelodge.ClientAuth{Mode: optional}, failing("unknown", true), 400, ""},
		{"optional_no_ca, none", gatelodge.ClientAuth{Mode: noCA}, nil, 200, "verify: NONE"},
		{"optional_no_ca, of an unknown CA", gatelodge.ClientAuth{Mode: noCA}, failing("unknown", true), 200, names + "FAILED:unknown"},
		{"optional_no_ca, bad", gatelodge.ClientAuth{Mode: noCA}, failing("certificate revoked", false), 400, ""},
		{"of the subject", gatelodge.ClientAuth{Mode: on, Subject: of("CN=(joe|jane)")}, &jane, 200, names + "SUCCESS"},
		{"of another subject", gatelodge.ClientAuth{Mode: on, Subject: of("CN=joe")}, &jane, 403, ""},
		{"of no subject", gatelodge.ClientAuth{Mode: optional, Subject: of("CN=joe")}, nil, 403, ""},
		{"an error page, none", gatelodge.ClientAuth{Mode: on, ErrorPage: "https://help.example.com/"}, nil, 302, ""},
		{"an error page, bad", gatelodge.ClientAuth{Mode: on, ErrorPage: "https://help.example.com/"}, failing("x", false), 302, ""},
		{"an error page, trusted", gatelodge.ClientAuth{Mode: on, ErrorPage: "https://help.example.com/"}, &jane, 200, names + "SUCCESS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := startWith(t, clientShows(c.client), app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, clientFields)), ruled(c.rule))
				r := newRequest(t, "GET", m.url(appHost, "/"), nil)
				r.Header.Set("SSL-Client-Verify", "SUCCESS") // which is for us to say
				r.Header.Set("ssl-client-subject-dn", "CN=root")
				r.Header.Set("ssl-client-cert", "forged")
				answer := do(t, g.client(m), r)
				if answer.StatusCode != c.status || told(answer) != c.told || answer.Header.Get("Location") != locationOf(c.rule, c.status) {
					t.Errorf("got %d %q and the backend received %q, want %d and %q", answer.StatusCode, answer.body, told(answer), c.status, c.told)
				}
			}, h1tls, h2)
		})
	}
}

func locationOf(rule gatelodge.ClientAuth, status int) string {
	if status == 302 {
		return rule.ErrorPage
	}
	return ""
}

// TestClientCertificatePassedOn: the certificate is encoded as nginx does.
func TestClientCertificatePassedOn(t *testing.T) {
	g := startWith(t, clientShows(&jane), app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, clientFields)),
		ruled(gatelodge.ClientAuth{Mode: gatelodge.ClientAuthOn, PassCertificate: true}))
	got := g.get(h2, "/").Header.Get("Got-Ssl-Client-Cert")
	text, err := url.PathUnescape(got) // leaves a plus sign alone, as base64 needs it
	block, _ := pem.Decode([]byte(text))
	if err != nil || block == nil || string(block.Bytes) != string(jane.Leaf.Raw) || strings.ContainsAny(got, " \n+/=") {
		t.Errorf("the backend received %q: %v", got, err)
	}
}

// TestAnyClientCertificate: a route that is for CAs needs no certificate, in clear
// text or over TLS, and is no way to the others.
func TestAnyClientCertificate(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		rule := ruled(gatelodge.ClientAuth{Mode: gatelodge.ClientAuthOn})
		g := startWith(t, clientShows(nil), app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, clientFields)), rule,
			func(s *gatelodge.Snapshot) {
				open := route1(challengePath, appKey)
				open.Policy = &gatelodge.Policy{AnyClientCertificate: true}
				onlyHost(s).Routes = []*gatelodge.Route{open, route1("/", appKey)}
			})
		for path, want := range map[string]int{
			challengePath + "token": 200, "/": 400, challengePath + "..;/..;/admin": 400, challengePath + "..%2F..%2Fadmin": 400,
		} {
			if got := g.get(m, path); got.StatusCode != want {
				t.Errorf("%s: got %d %q, want %d", path, got.StatusCode, got.body, want)
			}
		}
	})
}

// TestClientCertificateInClearText: a client that needs a certificate can't send
// one there, and is refused or redirected to HTTPS; nor can a trusted proxy.
func TestClientCertificateInClearText(t *testing.T) {
	for _, c := range []struct {
		name   string
		mode   gatelodge.ClientAuthMode
		proto  string
		certs  bool
		status int
		told   string
	}{
		{"required", gatelodge.ClientAuthOn, "", false, 400, ""},
		{"required, of a certified host", gatelodge.ClientAuthOn, "", true, 308, ""},
		{"required, behind a proxy that has HTTPS", gatelodge.ClientAuthOn, "https", true, 400, ""},
		{"optional", gatelodge.ClientAuthOptional, "", false, 200, "verify: NONE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, clientFields)),
					ruled(gatelodge.ClientAuth{Mode: c.mode}), func(s *gatelodge.Snapshot) {
						s.Settings.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
						if c.certs {
							onlyHost(s).Certificates = []*gatelodge.Certificate{{Names: []gatelodge.Name{appHost}}}
						}
					})
				r := newRequest(t, "GET", m.url(appHost, "/"), nil)
				r.Header.Set("SSL-Client-Verify", "SUCCESS")
				if c.proto != "" {
					r.Header.Set("X-Forwarded-Proto", c.proto)
				}
				if answer := do(t, g.client(m), r); answer.StatusCode != c.status || told(answer) != c.told {
					t.Errorf("got %d and the backend received %q, want %d and %q", answer.StatusCode, told(answer), c.status, c.told)
				}
			}, h1, h2c)
		})
	}
}

// TestClientCertificateRuleUnavailable: no client is let in.
func TestClientCertificateRuleUnavailable(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)), func(s *gatelodge.Snapshot) {
			onlyHost(s).ClientAuth = &gatelodge.ClientAuth{Unavailable: "the authorities are not known"}
		})
		if answer := g.get(m, "/"); answer.StatusCode != 503 {
			t.Errorf("got %d, want 503", answer.StatusCode)
		}
	})
}

// TestMisdirectedByClientRule: a connection serves only hosts with its own rule,
// whatever its certificate covers. It ends with the answer, so that the client has
// to open a new one.
func TestMisdirectedByClientRule(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		var trust atomic.Value // of the next handshake
		trust.Store("")
		g := startWith(t, func(h *gatelodge.Handshake) { h.ClientTrust = trust.Load().(string) },
			app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, ok)),
			ruled(gatelodge.ClientAuth{Mode: gatelodge.ClientAuthOptional}), func(s *gatelodge.Snapshot) {
				addHosts(s, host1("free.example.com", route1("/", appKey)))
			})
		for _, c := range []struct {
			trust, host string
			want        int
		}{
			{trustKey, appHost, 200},
			{trustKey, "free.example.com", 421},
			{trustKey, "nobody.example.com", 404},
			{"", appHost, 421}, // the rule is new
			{"", "free.example.com", 200},
			{"4567", appHost, 421}, // the rule was changed
		} {
			trust.Store(c.trust)
			client := g.client(m)
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			r.Host = c.host
			if answer := do(t, client, r); answer.StatusCode != c.want {
				t.Errorf("%s under rule %q: got %d, want %d", c.host, c.trust, answer.StatusCode, c.want)
			}
			if c.want != 421 || c.host != appHost {
				continue
			}
			trust.Store(trustKey)
			eventually(t, "a connection under the new rule", func() bool {
				return do(t, client, newRequest(t, "GET", m.url(appHost, "/"), nil)).StatusCode == 200
			})
		}
	}, h1tls, h2)
}

// TestClientFieldsOfOthers: only a trusted proxy, which has verified the client's
// certificate, may send these fields, and not for a host with a rule of its own.
// They are never accepted in trailers.
func TestClientFieldsOfOthers(t *testing.T) {
	trailers := make(chan http.Header, 1)
	backend := backendServer(t, gatelodge.BackendHTTP, func(w http.ResponseWriter, r *http.Request) {
		clientFields(w, r)
		_, _ = io.Copy(io.Discard, r.Body)
		trailers <- r.Trailer
	})
	for _, c := range []struct {
		name    string
		trusted string
		want    string
	}{
		{"an untrusted peer", "10.0.0.0/8", ""},
		{"a trusted proxy", "127.0.0.0/8", "verify: SUCCESS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, app(gatelodge.BackendHTTP, backend), settings(func(s *gatelodge.Settings) {
					s.Trust.Forwarded = []netip.Prefix{netip.MustParsePrefix(c.trusted)}
				}))
				r := newRequest(t, "POST", m.url(appHost, "/"), io.NopCloser(strings.NewReader("body")))
				r.Header.Set("SSL-Client-Verify", "SUCCESS")
				r.Trailer = http.Header{"Ssl-Client-Subject-Dn": {"CN=root"}, "Checksum": {"1"}}
				if got := told(do(t, g.client(m), r)); got != c.want {
					t.Errorf("the backend received %q, want %q", got, c.want)
				}
				if trailer := <-trailers; trailer.Get("Ssl-Client-Subject-Dn") != "" || trailer.Get("Checksum") == "" {
					t.Errorf("the trailers %v, want only the checksum", trailer)
				}
			})
		})
	}
}
