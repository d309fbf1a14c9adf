package tls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// testCA is an ACME CA in this process and in the time of a synctest bubble. It
// counts by limits with a method of its own, and can be told to fail. It looks at no
// signature: Pebble does, in e2e/acme.
type testCA struct {
	base       string // URL
	key        *ecdsa.PrivateKey
	root       *x509.Certificate
	lifetime   time.Duration
	validation time.Duration // how long it takes

	perAccount, perDomain, perName bucketSize // zero: no limit
	renewalInfo                    bool

	// fault is called before a request is looked at, and with after once it is
	// done and the answer is not sent yet. An error breaks the connection off.
	fault func(step string, after bool) error

	mu       sync.Mutex
	serial   int64
	orders   []*testOrder
	refused  []string // what limits refused
	accounts map[string]string
	buckets  map[string]*bucket
	invalid  map[string]bool // names that can't be validated
}

type testOrder struct {
	name, replaces, profile string
	at, ready               time.Time
	chain                   []byte
	failed                  bool
	account                 string
}

// bucketSize is a limit of so many in a time.
type bucketSize struct {
	count int
	per   time.Duration
}

// bucket counts what is left, in fractions.
type bucket struct {
	left float64
	at   time.Time
}

func newTestCA(t *testing.T, base string) *testCA {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &testCA{
		base: base, key: key, lifetime: 90 * day, accounts: make(map[string]string),
		buckets: make(map[string]*bucket), invalid: make(map[string]bool),
		root: &x509.Certificate{Subject: pkix.Name{CommonName: base}, SubjectKeyId: []byte{1, 2, 3, 4}, PublicKey: key.Public()},
	}
	return ca
}

// RoundTrip implements http.RoundTripper: this is how the CA is reached.
func (ca *testCA) RoundTrip(request *http.Request) (*http.Response, error) {
	step := strings.Split(strings.TrimPrefix(request.URL.String(), ca.base+"/"), "/")[0]
	ca.mu.Lock()
	fault := ca.fault
	ca.mu.Unlock()
	if fault == nil {
		fault = func(string, bool) error { return nil }
	}
	if err := fault(step, false); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	ca.serve(recorder, request, step)
	if err := fault(step, true); err != nil {
		return nil, err
	}
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	return recorder.Result(), nil
}

func (ca *testCA) serve(w *httptest.ResponseRecorder, request *http.Request, step string) {
	w.Header().Set("Replay-Nonce", "nonce")
	var message signed
	var protected struct {
		KID string          `json:"kid"`
		JWK json.RawMessage `json:"jwk"`
	}
	var payload map[string]any
	if request.Body != nil {
		text, _ := io.ReadAll(request.Body)
		json.Unmarshal(text, &message)
		decode := func(part string) []byte { text, _ := base64.RawURLEncoding.DecodeString(part); return text }
		json.Unmarshal(decode(message.Protected), &protected)
		json.Unmarshal(decode(message.Payload), &payload)
	}
	number := func() *testOrder {
		var n int
		fmt.Sscanf(request.URL.String()[len(ca.base)+len(step)+2:], "%d", &n)
		if n < 0 || n >= len(ca.orders) {
			return &testOrder{}
		}
		return ca.orders[n]
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	switch step {
	case "directory":
		directory := map[string]any{"newNonce": ca.base + "/nonce", "newAccount": ca.base + "/account", "newOrder": ca.base + "/neworder", "keyChange": ca.base + "/keychange",
			"meta": map[string]any{"profiles": map[string]string{"short": "6 days", "classic": "90 days"}}}
		if ca.renewalInfo {
			directory["renewalInfo"] = ca.base + "/info"
		}
		answer(w, 200, directory)
	case "nonce":
		w.WriteHeader(200)
	case "account":
		ca.account(w, protected.JWK, payload)
	case "neworder":
		ca.newOrder(w, protected.KID, payload)
	case "order":
		ca.show(w, 200, number())
	case "authz":
		o := number()
		answer(w, 200, map[string]any{"status": o.authorization(), "identifier": map[string]string{"type": "dns", "value": strings.TrimPrefix(o.name, "*.")}, "challenges": ca.challenges(o)})
	case "challenge":
		o := number()
		if o.ready.IsZero() {
			o.ready = time.Now().Add(ca.validation)
			o.failed = ca.invalid[o.name]
		}
		answer(w, 200, ca.challenges(o)[0])
	case "finalize":
		o := number()
		csr, _ := base64.RawURLEncoding.DecodeString(payload["csr"].(string))
		if o.chain == nil {
			o.chain = ca.issue(csr)
		}
		ca.show(w, 200, o)
	case "certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(number().chain)
	case "info":
		answer(w, 404, map[string]any{})
	case "keychange":
		ca.changeKey(w, protected.KID, message.Payload)
	default:
		answer(w, 404, map[string]any{})
	}
}

// account answers a request for an account (RFC 8555 §7.3).
func (ca *testCA) account(w *httptest.ResponseRecorder, jwk []byte, payload map[string]any) {
	sum := sha256.Sum256(jwk)
	id := fmt.Sprintf("%s/acct/%x", ca.base, sum[:4])
	for url, key := range ca.accounts {
		if key == string(jwk) {
			w.Header().Set("Location", url)
			answer(w, 200, map[string]any{"status": "valid"})
			return
		}
	}
	if only, _ := payload["onlyReturnExisting"].(bool); only {
		sayProblem(w, 400, "accountDoesNotExist", "no account has this key")
		return
	}
	ca.accounts[id] = string(jwk)
	w.Header().Set("Location", id)
	answer(w, 201, map[string]any{"status": "valid"})
}

// changeKey changes an account's key (RFC 8555 §7.3.5).
func (ca *testCA) changeKey(w *httptest.ResponseRecorder, account, payload string) {
	text, _ := base64.RawURLEncoding.DecodeString(payload)
	var inner signed
	json.Unmarshal(text, &inner)
	text, _ = base64.RawURLEncoding.DecodeString(inner.Protected)
	var protected struct {
		JWK json.RawMessage `json:"jwk"`
	}
	json.Unmarshal(text, &protected)
	ca.accounts[account] = string(protected.JWK)
	answer(w, 200, map[string]any{"status": "valid"})
}

func (ca *testCA) newOrder(w *httptest.ResponseRecorder, account string, payload map[string]any) {
	identifier := payload["identifiers"].([]any)[0].(map[string]any)["value"].(string)
	o := &testOrder{name: identifier, at: time.Now(), account: account}
	o.replaces, _ = payload["replaces"].(string)
	o.profile, _ = payload["profile"].(string)
	if _, known := ca.accounts[account]; !known {
		sayProblem(w, 400, "accountDoesNotExist", "there is no such account")
		return
	}
	label := strings.Split(identifier, ".")
	domain := strings.Join(label[max(0, len(label)-2):], ".")
	if o.replaces == "" {
		if !ca.take("account", ca.perAccount) {
			ca.refuse(w, "too many new orders from this account, see new orders per account")
			return
		}
		if !ca.take("domain "+domain, ca.perDomain) {
			ca.refuse(w, fmt.Sprintf("too many certificates already issued for %q in the last 168h0m0s", domain))
			return
		}
	}
	if !ca.take("name "+identifier, ca.perName) {
		ca.refuse(w, "too many certificates already issued for this exact set of identifiers")
		return
	}
	ca.orders = append(ca.orders, o)
	ca.show(w, 201, o)
}

func (ca *testCA) refuse(w *httptest.ResponseRecorder, detail string) {
	ca.refused = append(ca.refused, detail)
	w.Header().Set("Retry-After", "3600")
	sayProblem(w, 429, "rateLimited", detail)
}

// take takes one out of a bucket that is refilled all the time.
func (ca *testCA) take(name string, size bucketSize) bool {
	if size.count == 0 {
		return true
	}
	b, now := ca.buckets[name], time.Now()
	if b == nil {
		b = &bucket{float64(size.count), now}
		ca.buckets[name] = b
	}
	b.left = min(float64(size.count), b.left+float64(size.count)*float64(now.Sub(b.at))/float64(size.per))
	b.at = now
	if b.left < 1-1e-6 {
		return false
	}
	b.left--
	return true
}

func (o *testOrder) authorization() string {
	switch {
	case o.ready.IsZero() || time.Now().Before(o.ready):
		return "pending"
	case o.failed:
		return "invalid"
	}
	return "valid"
}

func (ca *testCA) urlOf(kind string, o *testOrder) string {
	for n, other := range ca.orders {
		if other == o {
			return fmt.Sprintf("%s/%s/%d", ca.base, kind, n)
		}
	}
	return ""
}

func (ca *testCA) challenges(o *testOrder) []map[string]any {
	challenge := map[string]any{"type": "dns-01", "status": o.authorization(), "url": ca.urlOf("challenge", o), "token": "token"}
	if o.failed && o.authorization() == "invalid" {
		challenge["error"] = map[string]any{"type": "urn:ietf:params:acme:error:dns", "detail": "it can't be validated"}
	}
	return []map[string]any{challenge}
}

func (ca *testCA) show(w *httptest.ResponseRecorder, status int, o *testOrder) {
	states := map[string]string{"pending": "pending", "invalid": "invalid", "valid": "ready"}
	order := map[string]any{
		"status": states[o.authorization()], "authorizations": []string{ca.urlOf("authz", o)}, "finalize": ca.urlOf("finalize", o),
		"identifiers": []map[string]string{{"type": "dns", "value": o.name}},
	}
	if o.chain != nil {
		order["status"], order["certificate"] = "valid", ca.urlOf("certificate", o)
	}
	w.Header().Set("Location", ca.urlOf("order", o))
	answer(w, status, order)
}

func (ca *testCA) issue(text []byte) []byte {
	csr, err := x509.ParseCertificateRequest(text)
	if err != nil {
		panic(err)
	}
	ca.serial++
	leaf := &x509.Certificate{SerialNumber: big.NewInt(ca.serial), DNSNames: csr.DNSNames, NotBefore: time.Now(), NotAfter: time.Now().Add(ca.lifetime)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.root, csr.PublicKey, ca.key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func sayProblem(w http.ResponseWriter, status int, kind, detail string) {
	var text bytes.Buffer
	json.NewEncoder(&text).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail})
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(text.Bytes())
}

var errUnreachable = errors.New("it can't be reached")
