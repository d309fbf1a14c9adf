package issuer

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
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelodge.dev"
)

// testCA is an ACME CA in this process and in the time of a synctest bubble. It
// counts by limits with a method of its own, and can be told to fail. It looks at no
// signature: Pebble does, in e2e/acme.
type testCA struct {
	base       string // URL
	key        *ecdsa.PrivateKey
	root       *x509.Certificate
	lifetime   time.Duration
	ahead      time.Duration // of its clock
	validation time.Duration // how long it takes

	perAccount, perDomain, perName bucketSize // zero: no limit
	mostNames                      int        // 0: no limit
	reuses                         bool       // valid authorizations
	noKeyChange                    bool       // as step-ca and Vault
	endsByOrder                    bool       // a certificate ends so long after its order, as with step-ca
	renewalInfo                    bool
	midway                         bool // the windows are in the middle of the lifetimes

	meta           map[string]any             // further fields of the directory
	published      func(name string) []string // TXT records that dns-persist-01 looks for; nil: it is not offered
	invalidPersist map[string]bool            // names for which it accepts none
	accepted       []string                   // types of the challenges that were validated

	// fault is called before a request is looked at, and with after once it is
	// done and the answer is not sent yet. An error breaks the connection off.
	fault func(step string, after bool) error
	// instead answers a request in place of the CA, or returns false.
	instead func(w http.ResponseWriter, request *http.Request, step string) bool

	mu       sync.Mutex
	serial   int64
	orders   []*testOrder
	refused  []string // what limits refused
	accounts map[string]string
	contacts map[string]any // of accounts
	buckets  map[string]*bucket
	invalid  map[string]bool                    // names that can't be validated
	left     map[string]int                     // how often the challenge for a name is left pending, as step-ca does
	rejected map[string]string                  // why no order is accepted for a name
	mute     bool                               // it does not say which names it rejects
	windows  map[string]gatelodge.RenewalWindow // by what identifies a certificate
	window   *gatelodge.RenewalWindow           // of all others; nil: there is none

	authorizations []*testAuthorization
}

type testOrder struct {
	name, replaces, profile string // name is the first of names
	names                   []string
	at                      time.Time
	chain                   []byte
	account                 string
	authorizations          []*testAuthorization
}

// testAuthorization is one of an account for a name. If it is valid, later orders have
// it, too.
type testAuthorization struct {
	name, account string
	ready         time.Time
	failed        bool
	number        int
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
		base: base, key: key, lifetime: 90 * day, accounts: make(map[string]string), contacts: make(map[string]any),
		buckets: make(map[string]*bucket), invalid: make(map[string]bool), left: make(map[string]int), rejected: make(map[string]string), windows: make(map[string]gatelodge.RenewalWindow),
		root: &x509.Certificate{Subject: pkix.Name{CommonName: base}, SubjectKeyId: []byte{1, 2, 3, 4}, PublicKey: key.Public()},
	}
	return ca
}

// RoundTrip implements http.RoundTripper: this is how the CA is reached.
func (ca *testCA) RoundTrip(request *http.Request) (*http.Response, error) {
	step := strings.Split(strings.TrimPrefix(request.URL.String(), ca.base+"/"), "/")[0]
	ca.mu.Lock()
	fault, instead := ca.fault, ca.instead
	ca.mu.Unlock()
	if fault == nil {
		fault = func(string, bool) error { return nil }
	}
	if err := fault(step, false); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	if instead == nil || !instead(recorder, request, step) {
		ca.serve(recorder, request, step)
	}
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
	index := func(most int) int {
		n := -1
		fmt.Sscanf(request.URL.String()[len(ca.base)+len(step)+2:], "%d", &n)
		if n >= most {
			return -1
		}
		return n
	}
	number := func() *testOrder {
		if n := index(len(ca.orders)); n >= 0 {
			return ca.orders[n]
		}
		return &testOrder{}
	}
	authorization := func() *testAuthorization {
		if n := index(len(ca.authorizations)); n >= 0 {
			return ca.authorizations[n]
		}
		return &testAuthorization{}
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	switch step {
	case "directory":
		directory := map[string]any{"newNonce": ca.base + "/nonce", "newAccount": ca.base + "/account", "newOrder": ca.base + "/neworder", "keyChange": ca.base + "/keychange",
			"meta": map[string]any{"profiles": map[string]string{"short": "6 days", "classic": "90 days"}}}
		for field, value := range ca.meta {
			directory["meta"].(map[string]any)[field] = value
		}
		if ca.renewalInfo {
			directory["renewalInfo"] = ca.base + "/info"
		}
		answer(w, 200, directory)
	case "nonce":
		w.WriteHeader(200)
	case "account":
		ca.account(w, protected.JWK, payload)
	case "acct":
		if contact, ok := payload["contact"]; ok {
			ca.contacts[protected.KID] = contact
		}
		answer(w, 200, map[string]any{"status": "valid"})
	case "neworder":
		ca.newOrder(w, protected.KID, payload)
	case "order":
		ca.show(w, 200, number())
	case "authz":
		a := authorization()
		answer(w, 200, map[string]any{"status": a.status(), "wildcard": strings.HasPrefix(a.name, "*."),
			"identifier": map[string]string{"type": "dns", "value": strings.TrimPrefix(a.name, "*.")}, "challenges": ca.challenges(a, nil)})
	case "challenge":
		a := authorization()
		if ca.left[a.name] > 0 {
			ca.left[a.name]--
			answer(w, 200, ca.challenges(a, map[string]any{"type": "urn:ietf:params:acme:error:connection", "detail": "it can't be reached now"})[0])
			return
		}
		if a.ready.IsZero() {
			a.ready = time.Now().Add(ca.validation)
			a.failed = ca.invalid[a.name]
			ca.accept(a, path.Base(request.URL.Path))
		}
		answer(w, 200, ca.challenges(a, nil)[0])
	case "finalize":
		o := number()
		if ca.endsByOrder && !time.Now().Before(o.at.Add(ca.lifetime)) {
			sayProblem(w, 500, "serverInternal", "the certificate would be too short")
			return
		}
		csr, _ := base64.RawURLEncoding.DecodeString(payload["csr"].(string))
		if o.chain == nil {
			o.chain = ca.issue(csr)
		}
		ca.show(w, 200, o)
	case "certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(number().chain)
	case "info":
		if window, ok := ca.windows[path.Base(request.URL.Path)]; ok {
			answer(w, 200, map[string]any{"suggestedWindow": window})
		} else if ca.window != nil {
			answer(w, 200, map[string]any{"suggestedWindow": ca.window})
		} else {
			answer(w, 404, map[string]any{})
		}
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
	ca.accounts[id], ca.contacts[id] = string(jwk), payload["contact"]
	w.Header().Set("Location", id)
	answer(w, 201, map[string]any{"status": "valid"})
}

// changeKey changes an account's key (RFC 8555 §7.3.5).
func (ca *testCA) changeKey(w *httptest.ResponseRecorder, account, payload string) {
	if ca.noKeyChange {
		sayProblem(w, 501, "notImplemented", "keys stay as they are")
		return
	}
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
	o := &testOrder{at: time.Now(), account: account}
	domains := make(map[string]bool)
	var why []map[string]any
	for _, identifier := range payload["identifiers"].([]any) {
		name := identifier.(map[string]any)["value"].(string)
		o.names = append(o.names, name)
		label := strings.Split(name, ".")
		domains[strings.Join(label[max(0, len(label)-2):], ".")] = true
		if ca.rejected[name] != "" {
			why = append(why, map[string]any{"type": "urn:ietf:params:acme:error:rejectedIdentifier", "detail": ca.rejected[name], "identifier": identifier})
		}
	}
	slices.Sort(o.names)
	o.name = o.names[0]
	o.replaces, _ = payload["replaces"].(string)
	o.profile, _ = payload["profile"].(string)
	if _, known := ca.accounts[account]; !known {
		sayProblem(w, 400, "accountDoesNotExist", "there is no such account")
		return
	}
	if len(why) > 0 {
		if ca.mute {
			why = nil
		}
		sayProblem(w, 400, "rejectedIdentifier", "no certificate is issued for some of the names", why...)
		return
	}
	if ca.mostNames > 0 && len(o.names) > ca.mostNames {
		sayProblem(w, 400, "malformed", "too many names")
		return
	}
	sameNames := func(other *testOrder) bool { return other.chain != nil && slices.Equal(other.names, o.names) }
	if o.replaces == "" && !slices.ContainsFunc(ca.orders, sameNames) { // a new one
		if !ca.take("account", ca.perAccount) {
			ca.refuse(w, "too many new orders from this account, see new orders per account")
			return
		}
		for domain := range domains {
			if !ca.take("domain "+domain, ca.perDomain) {
				ca.refuse(w, fmt.Sprintf("too many certificates already issued for %q in the last 168h0m0s", domain))
				return
			}
		}
	}
	if !ca.take("names "+strings.Join(o.names, " "), ca.perName) {
		ca.refuse(w, "too many certificates already issued for this exact set of identifiers")
		return
	}
	for _, name := range o.names {
		o.authorizations = append(o.authorizations, ca.authorizationFor(account, name))
	}
	ca.orders = append(ca.orders, o)
	ca.show(w, 201, o)
}

// authorizationFor returns the valid authorization for a name, or makes one.
func (ca *testCA) authorizationFor(account, name string) *testAuthorization {
	for _, a := range slices.Backward(ca.authorizations) {
		if a.account == account && a.name == name && ca.reuses && a.status() == "valid" {
			return a
		}
	}
	a := &testAuthorization{name: name, account: account, number: len(ca.authorizations)}
	ca.authorizations = append(ca.authorizations, a)
	return a
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

func (a *testAuthorization) status() string {
	switch {
	case a.ready.IsZero() || time.Now().Before(a.ready):
		return "pending"
	case a.failed:
		return "invalid"
	}
	return "valid"
}

// status is that of an order that is not finalized (RFC 8555 §7.1.6).
func (o *testOrder) status() string {
	status := "ready"
	for _, a := range o.authorizations {
		switch a.status() {
		case "invalid":
			return "invalid"
		case "pending":
			status = "pending"
		}
	}
	return status
}

func (ca *testCA) urlOf(kind string, o *testOrder) string {
	for n, other := range ca.orders {
		if other == o {
			return fmt.Sprintf("%s/%s/%d", ca.base, kind, n)
		}
	}
	return ""
}

// challenges shows those of an authorization, with why the latest validation failed.
func (ca *testCA) challenges(a *testAuthorization, why map[string]any) []map[string]any {
	challenge := map[string]any{"type": "dns-01", "status": a.status(), "url": fmt.Sprintf("%s/challenge/%d", ca.base, a.number), "token": "token"}
	if a.status() == "invalid" {
		why = map[string]any{"type": "urn:ietf:params:acme:error:dns", "detail": "it can't be validated"}
	}
	if why != nil {
		challenge["error"] = why
	}
	list := []map[string]any{challenge}
	if ca.published != nil {
		persist := maps.Clone(challenge)
		delete(persist, "token")
		persist["type"], persist["url"] = "dns-persist-01", fmt.Sprintf("%s/challenge/%d/dns-persist-01", ca.base, a.number)
		list = append(list, persist)
	}
	return list
}

// accept takes down by which challenge a name is validated, and looks at its record.
func (ca *testCA) accept(a *testAuthorization, by string) {
	if by != "dns-persist-01" {
		ca.accepted = append(ca.accepted, "dns-01")
		return
	}
	ca.accepted = append(ca.accepted, by)
	identity, _ := ca.meta["caaIdentities"].([]string)
	want := strings.ToLower(strings.TrimSuffix(identity[0], ".")) + "; accounturi=" + a.account
	if prefix, ok := ca.meta["accountHashPrefix"].(string); ok {
		thumbprint := sha256.Sum256([]byte(ca.accounts[a.account])) // which has its fields in the order of RFC 7638
		sum := sha256.Sum256([]byte("\x01*" + base64.RawURLEncoding.EncodeToString(thumbprint[:]) + a.account))
		want = "ca.example; accounturi=" + prefix + "sha-256/" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	base, isWildcard := strings.CutPrefix(a.name, "*.")
	if isWildcard {
		want += "; policy=wildcard"
	}
	a.failed = a.failed || ca.invalidPersist[a.name] || !slices.Contains(ca.published("_validation-persist."+base), want)
}

func (ca *testCA) show(w *httptest.ResponseRecorder, status int, o *testOrder) {
	var urls []string
	var identifiers []map[string]string
	for _, a := range o.authorizations {
		urls = append(urls, fmt.Sprintf("%s/authz/%d", ca.base, a.number))
		identifiers = append(identifiers, map[string]string{"type": "dns", "value": a.name})
	}
	order := map[string]any{"status": o.status(), "authorizations": urls, "finalize": ca.urlOf("finalize", o), "identifiers": identifiers}
	if o.chain != nil {
		order["status"], order["certificate"] = "valid", ca.urlOf("certificate", o)
	}
	if ca.endsByOrder {
		order["notAfter"] = o.at.Add(ca.lifetime)
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
	leaf := &x509.Certificate{SerialNumber: big.NewInt(ca.serial), DNSNames: csr.DNSNames, NotBefore: time.Now().Add(ca.ahead), NotAfter: time.Now().Add(ca.ahead + ca.lifetime)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.root, csr.PublicKey, ca.key)
	if err != nil {
		panic(err)
	}
	if id, _ := renewalID(der); ca.midway {
		start := leaf.NotBefore.Add(ca.lifetime / 2)
		ca.windows[id] = gatelodge.RenewalWindow{Start: start, End: start.Add(ca.lifetime / 50)}
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func sayProblem(w http.ResponseWriter, status int, kind, detail string, subproblems ...map[string]any) {
	var text bytes.Buffer
	problem := map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail}
	if len(subproblems) > 0 {
		problem["subproblems"] = subproblems
	}
	json.NewEncoder(&text).Encode(problem)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	w.Write(text.Bytes())
}

var errUnreachable = errors.New("it can't be reached")
