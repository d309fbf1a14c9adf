package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// TestRenewalID: the identifier is that of the example in RFC 9773 §4.1.
func TestRenewalID(t *testing.T) {
	keyID, err := hex.DecodeString("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
	if err != nil {
		t.Fatal(err)
	}
	if id, err := renewalID(certificateOf(t, keyID, 0x87654321)); err != nil || id != "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE" {
		t.Errorf("the identifier is %q, %v", id, err)
	}
	if id, err := renewalID(certificateOf(t, keyID, 0x12)); err != nil || !strings.HasSuffix(id, ".Eg") {
		t.Errorf("the identifier is %q, %v; a serial number below 128 needs no further octet", id, err)
	}
	if id, err := renewalID(certificateOf(t, nil, 1)); err == nil {
		t.Errorf("a certificate that does not say by which key it was signed is identified as %q", id)
	}
}

func certificateOf(t *testing.T, issuerKeyID []byte, serial int64) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &x509.Certificate{SubjectKeyId: issuerKeyID, Subject: pkix.Name{CommonName: "CA"}}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, issuer, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestRenewTimeInWindow: certificates are renewed within the CA's window, spread
// over it, and never so late that nothing is left for failures.
func TestRenewTimeInWindow(t *testing.T) {
	issued := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	seen := make(map[time.Time]bool)
	within := make(map[time.Time]bool)
	for _, fingerprint := range []string{"a", "b", "c", "d"} {
		c := &gatelodge.Certificate{NotBefore: issued, NotAfter: issued.Add(90 * day), Fingerprint: fingerprint}
		w := &gatelodge.RenewalWindow{Start: issued.Add(50 * day), End: issued.Add(52 * day)}
		at := RenewAt(c, w)
		if at.Before(w.Start) || at.After(w.End) {
			t.Errorf("it is renewed at %v, outside of its window", at)
		}
		seen[at] = true
		for _, late := range []*gatelodge.RenewalWindow{
			{Start: issued.Add(89 * day), End: issued.Add(89 * day).Add(time.Hour)},
			{Start: issued.Add(5000 * day), End: issued.Add(5001 * day)},
		} {
			if at, usual := RenewAt(c, late), RenewAt(c, nil); !at.Equal(usual) {
				t.Errorf("with the window %v, which leaves no time, it is renewed at %v, want %v", late, at, usual)
			}
		}
		early := &gatelodge.RenewalWindow{Start: issued.Add(-2 * time.Hour), End: issued.Add(-time.Hour)}
		if at := RenewAt(c, early); at.After(issued) {
			t.Errorf("with a window before it was issued it is renewed at %v, want at once", at)
		}
		for _, long := range []*gatelodge.RenewalWindow{
			{Start: issued.Add(70 * day), End: issued.Add(10000 * day)},
			{Start: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
		} {
			at := RenewAt(c, long)
			if !at.After(issued) || at.Before(long.Start) || at.After(issued.Add(86*day)) {
				t.Errorf("with the window %v it is renewed at %v", long, at)
			}
			within[at] = true
		}
	}
	if len(seen) < 3 || len(within) < 6 {
		t.Errorf("four certificates of one window are renewed at %d moments, of two long ones at %d", len(seen), len(within))
	}
}

// TestWindowOfCA: answers of a CA as they come, sound and unsound.
func TestWindowOfCA(t *testing.T) {
	der := certificateOf(t, []byte{1, 2, 3}, 7)
	id, err := renewalID(der)
	if err != nil {
		t.Fatal(err)
	}
	const window = `{"suggestedWindow":{"start":"2026-07-01T00:00:00Z","end":"2026-07-03T00:00:00Z"},"explanationURL":"https://ca.example/why"}`
	for name, c := range map[string]struct {
		status            int
		body, after, path string
		found             bool
		again             time.Duration
	}{
		"a window":                {200, window, "", "/info/" + id, true, infoWait},
		"asked to come back":      {200, window, "7200", "/info/" + id, true, 2 * time.Hour},
		"too soon":                {200, window, "1", "/info/" + id, true, infoLeast},
		"at once":                 {200, window, "0", "/info/" + id, true, infoLeast},
		"at a time in the past":   {200, window, "Sat, 01 Jan 2000 00:00:00 GMT", "/info/" + id, true, infoLeast},
		"too late":                {200, window, "9999999", "/info/" + id, true, infoMost},
		"in a million years":      {200, window, "31557600000000", "/info/" + id, true, infoMost},
		"at no time":              {200, window, "soon", "/info/" + id, true, infoWait},
		"before the answer":       {200, window, "-1", "/info/" + id, true, infoWait},
		"an end before its start": {200, `{"suggestedWindow":{"start":"2026-07-03T00:00:00Z","end":"2026-07-01T00:00:00Z"}}`, "", "/info/" + id, false, 0},
		"no window":               {200, `{}`, "", "/info/" + id, false, 0},
		"no JSON":                 {200, `<html>`, "", "/info/" + id, false, 0},
		"unknown":                 {404, `{}`, "3600", "/info/" + id, false, 0},
		"busy":                    {429, `{}`, "3600", "/info/" + id, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var path string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path = r.URL.Path
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer server.Close()
			ca := &client{Client: &acme.Client{HTTPClient: server.Client()}, renewalInfo: server.URL + "/info/"}
			w, why, again, err := ca.window(t.Context(), der)
			if (err == nil) != c.found || (w != nil) != c.found || again != c.again || path != c.path {
				t.Errorf("window %v, again in %v, error %v, path %s", w, again, err, path)
			}
			if c.found && why != "https://ca.example/why" {
				t.Errorf("the explanation is %q", why)
			}
		})
	}
}

// TestAddedFieldIsSigned: a field is added to a request with a payload, and the account's
// signature holds for what is sent.
func TestAddedFieldIsSigned(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	request := func(payload string) []byte {
		protected := encode([]byte(`{"alg":"ES256","nonce":"n"}`))
		signature, err := signJWS(key, protected+"."+encode([]byte(payload)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(signed{protected, encode([]byte(payload)), signature})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	transport := addingTransport{key: key}
	replaces := field{"replaces", "aki.serial"}
	order := request(`{"identifiers":[{"type":"dns","value":"www.example.test"}]}`)
	text, err := transport.add(order, replaces)
	if err != nil {
		t.Fatal(err)
	}
	var sent signed
	if err := json.Unmarshal(text, &sent); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(sent.Payload)
	if err != nil || string(payload) != `{"identifiers":[{"type":"dns","value":"www.example.test"}],"replaces":"aki.serial"}` {
		t.Errorf("the order is %s, %v", payload, err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(sent.Signature)
	if err != nil || len(signature) != 64 {
		t.Fatalf("the signature is %q, %v", sent.Signature, err)
	}
	sum := sha256.Sum256([]byte(sent.Protected + "." + sent.Payload))
	if !ecdsa.Verify(&key.PublicKey, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Error("the signature does not hold")
	}
	other := request("") // POST-as-GET (RFC 8555 §6.3)
	if text, err := transport.add(other, replaces); err != nil || string(text) != string(other) {
		t.Errorf("a request without a payload is sent as %s, %v", text, err)
	}
}

// TestSignaturesOfAdoptedKeys: an account that another program registered may have a
// key of any type that CAs accept.
func TestSignaturesOfAdoptedKeys(t *testing.T) {
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signJWS(long, "text")
	raw, decodeErr := base64.RawURLEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte("text"))
	if err != nil || decodeErr != nil || rsa.VerifyPKCS1v15(&long.PublicKey, crypto.SHA256, sum[:], raw) != nil {
		t.Errorf("RSA: the signature does not hold: %v, %v", err, decodeErr)
	}
	for curve, hash := range map[elliptic.Curve]crypto.Hash{elliptic.P256(): crypto.SHA256, elliptic.P384(): crypto.SHA384, elliptic.P521(): crypto.SHA512} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := signJWS(key, "text")
		raw, decodeErr := base64.RawURLEncoding.DecodeString(signature)
		sum := hash.New()
		sum.Write([]byte("text"))
		half := len(raw) / 2
		if err != nil || decodeErr != nil || !ecdsa.Verify(&key.PublicKey, sum.Sum(nil), new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])) {
			t.Errorf("%s: the signature does not hold: %v, %v", curve.Params().Name, err, decodeErr)
		}
	}
}
