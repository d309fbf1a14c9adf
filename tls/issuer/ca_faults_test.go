package issuer

import (
	"crypto"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// oneCA runs an Issuer with one CA during a test in made-up time.
func oneCA(t *testing.T, during func(c *testCluster, ca *testCA)) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		c := newTestCluster(t, ca)
		ctx := c.followed(t)
		_, stop := c.lead(ctx, 0)
		defer func() { stop() }()
		synctest.Wait() // so that nothing reads what during changes first
		during(c, ca)
	})
}

// answers has fault answer requests in place of the CA until it returns false, and
// counts them; nil: the CA answers.
func (ca *testCA) answers(fault func(w http.ResponseWriter, request *http.Request, step string) bool) (count func() int) {
	n := 0
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.instead = func(w http.ResponseWriter, request *http.Request, step string) bool {
		ca.mu.Lock()
		n++
		ca.mu.Unlock()
		return fault != nil && fault(w, request, step)
	}
	return func() int {
		ca.mu.Lock()
		defer ca.mu.Unlock()
		return n
	}
}

// changed answers as the CA does, but for what change makes of it, and without the fields
// to drop.
func (ca *testCA) changed(w http.ResponseWriter, request *http.Request, step string, change func(body []byte) []byte, drop ...string) bool {
	recorder := httptest.NewRecorder()
	ca.serve(recorder, request, step)
	for name, values := range recorder.Header() {
		if !slices.Contains(drop, name) {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(recorder.Code)
	w.Write(change(recorder.Body.Bytes()))
	return true
}

// orderStatus has an order be of a status whatever becomes of it.
func (ca *testCA) orderStatus(status string) func(w http.ResponseWriter, request *http.Request, step string) bool {
	return func(w http.ResponseWriter, request *http.Request, step string) bool {
		return (step == "order" || step == "finalize") && ca.changed(w, request, step, func(body []byte) []byte {
			var order map[string]any
			json.Unmarshal(body, &order)
			if order["status"] = status; order["status"] != "valid" {
				delete(order, "certificate")
			}
			body, _ = json.Marshal(order)
			return body
		})
	}
}

// chain has the CA issue other certificates than it would.
func (ca *testCA) chain(change func(chain []byte) []byte) func(w http.ResponseWriter, request *http.Request, step string) bool {
	return func(w http.ResponseWriter, request *http.Request, step string) bool {
		return step == "certificate" && ca.changed(w, request, step, change)
	}
}

// otherCertificate returns one for a name, with a key that no one ordered one for.
func (ca *testCA) otherCertificate(t *testing.T, name string) []byte {
	return encodeChain(ca.issueElsewhere(t, name).KeyPair.Certificate)
}

// huge answers with an object of two megabytes.
func huge(at string) func(w http.ResponseWriter, request *http.Request, step string) bool {
	return func(w http.ResponseWriter, _ *http.Request, step string) bool {
		if step != at {
			return false
		}
		w.Header().Set("Replay-Nonce", "nonce")
		if step == "neworder" {
			w.WriteHeader(http.StatusCreated)
		}
		fmt.Fprintf(w, `{"status":"%s"}`, strings.Repeat("x", 2*maxResponse))
		return true
	}
}

// TestFaultsOfCA: whatever a CA answers for an hour, it is asked seldom, the problem
// says what is wrong, and there is a certificate in the end.
func TestFaultsOfCA(t *testing.T) {
	const name = "www.test"
	for what, c := range map[string]struct {
		fault    func(t *testing.T, ca *testCA) func(w http.ResponseWriter, request *http.Request, step string) bool
		problem  string // of the name
		caFails  string // the problem with the CA
		orders   int    // the most
		requests int    // in that hour, the most
	}{
		"no nonce is accepted": {func(*testing.T, *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return func(w http.ResponseWriter, request *http.Request, _ string) bool {
				if request.Method != http.MethodPost {
					return false
				}
				w.Header().Set("Replay-Nonce", "nonce")
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(400)
				fmt.Fprint(w, `{"type":"urn:ietf:params:acme:error:badNonce","detail":"not that one"}`)
				return true
			}
		}, "", "not that one (badNonce)", 1, 50 * 12},
		"a huge directory": {func(*testing.T, *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return huge("directory")
		},
			"", "unexpected EOF", 1, 20},
		"a huge order": {func(*testing.T, *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return huge("neworder")
		},
			"", "unexpected EOF", 1, 60},
		"a huge chain": {func(*testing.T, *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return huge("certificate")
		},
			"certificate chain is", "", 1, 60},
		"an order without a URL": {func(_ *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return func(w http.ResponseWriter, request *http.Request, step string) bool {
				return step == "neworder" && ca.changed(w, request, step, func(body []byte) []byte { return body }, "Location")
			}
		}, "", "the CA does not say where an order is", 15, 60},
		"a key is refused": {func(*testing.T, *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return func(w http.ResponseWriter, _ *http.Request, step string) bool {
				if step != "finalize" {
					return false
				}
				w.Header().Set("Replay-Nonce", "nonce")
				sayProblem(w, 400, "badPublicKey", "not of that type")
				return true
			}
		}, "the CA says: not of that type (badPublicKey)", "", 6, 100},
		"an order is refused": {func(_ *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return ca.orderStatus("invalid")
		}, "the CA ended the order without saying why", "", 6, 100},
		"an order takes long": {func(_ *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return ca.orderStatus("processing")
		}, "it took longer than 10m0s", "", 1, 60 * 60},
		"an order takes long, and is to be looked at yesterday": {func(_ *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			processing := ca.orderStatus("processing")
			return func(w http.ResponseWriter, request *http.Request, step string) bool {
				w.Header().Set("Retry-After", time.Now().Add(-day).UTC().Format(http.TimeFormat))
				return processing(w, request, step)
			}
		}, "it took longer than 10m0s", "", 1, 60 * 60},
		"a certificate for another key": {func(t *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return ca.chain(func([]byte) []byte { return ca.otherCertificate(t, name) })
		}, "the CA issued a certificate for another key", "", 6, 100},
		"a chain in the wrong order": {func(t *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return ca.chain(func(chain []byte) []byte { return append(ca.otherCertificate(t, "ca.test"), chain...) })
		}, "the CA issued a certificate for another key", "", 6, 100},
		"a chain of nothing": {func(_ *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return ca.chain(func([]byte) []byte { return nil })
		}, "certificate chain is empty", "", 1, 60},
		"a chain with an unreadable certificate": {func(_ *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return ca.chain(func([]byte) []byte {
				return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("certificate")})
			})
		}, "the CA issued an invalid certificate", "", 6, 100},
		"a certificate that is valid tomorrow": {func(_ *testing.T, ca *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return func(http.ResponseWriter, *http.Request, string) bool { ca.setAhead(day); return false }
		}, "the CA issued a certificate that is not valid before", "", 6, 100},
		"a redirect out of HTTPS": {func(*testing.T, *testCA) func(http.ResponseWriter, *http.Request, string) bool {
			return func(w http.ResponseWriter, _ *http.Request, step string) bool {
				w.Header().Set("Location", "http://ca.test/directory")
				return step == "directory" && answerWith(302, "")(w)
			}
		}, "", "the CA refers to http://ca.test/directory, which is not an HTTPS URL", 1, 60},
	} {
		t.Run(what, func(t *testing.T) {
			oneCA(t, func(cluster *testCluster, ca *testCA) {
				requests := ca.answers(c.fault(t, ca))
				cluster.ask("shop", name)
				time.Sleep(58 * time.Minute)
				if n := requests(); n > c.requests {
					t.Errorf("there are %d requests in an hour, want %d at most", n, c.requests)
				}
				for kind, p := range map[string][2]string{"name": {cluster.failureOf(name), c.problem}, "CA": {cluster.authorityFailure(), c.caFails}} {
					if got, want := p[0], p[1]; !strings.Contains(got, want) || (got == "") != (want == "") || len(got) > 500 {
						t.Errorf("the problem with the %s is %q, want %q", kind, got, want)
					}
				}
				ca.answers(nil)
				ca.setAhead(0)
				time.Sleep(12 * time.Hour)
				if err := cluster.handshake(name); err != nil {
					t.Error(err)
				}
				if n := ca.ordered(); n > c.orders {
					t.Errorf("%d orders are placed, want %d at most", n, c.orders)
				}
				for kind, problem := range map[string]string{"name": cluster.failureOf(name), "CA": cluster.authorityFailure()} {
					if problem != "" {
						t.Errorf("the problem with the %s stays: %q", kind, problem)
					}
				}
			})
		})
	}
}

func (ca *testCA) setAhead(by time.Duration) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.ahead = by
}

// authorityFailure returns the problem with the CAs, "" for none.
func (c *testCluster) authorityFailure() string {
	item, err := c.Memory.Get(c.t.Context(), gatelodge.AuthorityItem)
	if err != nil {
		return ""
	}
	stored, err := gatelodge.DecodeIssuance(item.Data)
	if err != nil || stored.Failure == nil {
		c.t.Errorf("stored is %v, %v", stored, err)
		return ""
	}
	return stored.Failure.Message
}

// TestChainWithAnExtraCertificate: it is taken, the certificate itself comes first.
func TestChainWithAnExtraCertificate(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		ca.answers(ca.chain(func(chain []byte) []byte { return append(slices.Clip(chain), ca.otherCertificate(t, "other.test")...) }))
		c.ask("shop", "www.test")
		time.Sleep(time.Hour)
		if err := c.handshake("www.test"); err != nil || ca.ordered() != 1 {
			t.Errorf("%d orders are placed, %v", ca.ordered(), err)
		}
	})
}

// TestCertificateWithoutAName: it is refused, and the problem says which name it lacks.
func TestCertificateWithoutAName(t *testing.T) {
	pair := newTestCA(t, "https://ca.test").issueElsewhere(t, "a.test").KeyPair
	_, err := checkChain(pair.Certificate, []gatelodge.Name{"a.test", "b.test"}, pair.PrivateKey.(crypto.Signer))
	if want := "the CA issued a certificate for [a.test], without b.test"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// TestClockOfCAIsAhead: a certificate that will be valid in a minute replaces the one
// before when it is valid, and not earlier.
func TestClockOfCAIsAhead(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		ca.lifetime = time.Hour
		c.ask("shop", "www.test")
		time.Sleep(10 * time.Minute)
		ca.setAhead(time.Minute)
		for range 8 * 60 * 2 {
			time.Sleep(30 * time.Second)
			if err := c.handshake("www.test"); err != nil {
				t.Fatalf("at %v: %v", time.Now(), err)
			}
		}
		if n := ca.ordered(); n < 10 || n > 16 {
			t.Errorf("%d orders are placed in eight hours for certificates of an hour", n)
		}
	})
}

// TestDirectoryMoves: a CA whose URLs are others by now is asked there.
func TestDirectoryMoves(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		c.ask("shop", "a.test")
		time.Sleep(time.Hour)
		ca.answers(func(w http.ResponseWriter, request *http.Request, step string) bool {
			switch step {
			case "directory":
				return ca.changed(w, request, step, func(body []byte) []byte {
					return []byte(strings.NewReplacer("/neworder", "/v2/neworder", "/nonce", "/v2/nonce").Replace(string(body)))
				})
			case "neworder", "nonce":
				return answerWith(404, "")(w)
			case "v2":
				ca.serve(w.(*httptest.ResponseRecorder), request, strings.Split(request.URL.Path, "/")[2])
				return true
			}
			return false
		})
		c.ask("shop", "b.test")
		time.Sleep(10 * time.Minute)
		if err := c.handshake("b.test"); err != nil || ca.ordered() != 2 {
			t.Errorf("%d orders are placed, %v", ca.ordered(), err)
		}
	})
}

// TestNoncesAreLimited: a CA that gives out no nonces by a limit of requests is left
// alone by all names, and that is the problem of none.
func TestNoncesAreLimited(t *testing.T) {
	oneCA(t, func(c *testCluster, ca *testCA) {
		c.ask("shop", "www.test")
		time.Sleep(time.Hour)
		requests := ca.answers(func(w http.ResponseWriter, request *http.Request, step string) bool {
			if step == "nonce" {
				return answerWith(429, "3500")(w)
			}
			return ca.changed(w, request, step, func(body []byte) []byte { return body }, "Replay-Nonce")
		})
		names := make([]gatelodge.Name, 20)
		for n := range names {
			names[n] = gatelodge.Name(fmt.Sprintf("www%d.test", n))
			c.ask("shop", names[n])
		}
		time.Sleep(58 * time.Minute)
		if n, problem := requests(), c.authorityFailure(); n > 30 || !strings.Contains(problem, "429") {
			t.Errorf("there are %d requests in an hour, and the problem with the CA is %q", n, problem)
		}
		for _, name := range names {
			if problem := c.failureOf(name); problem != "" {
				t.Errorf("the problem with %s is %q", name, problem)
			}
		}
		ca.answers(nil)
		time.Sleep(time.Hour)
		if n := ca.ordered(); n != 1+len(names) {
			t.Errorf("%d orders are placed in the end, want %d", n, 1+len(names))
		}
	})
}
