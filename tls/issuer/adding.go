package issuer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	_ "crypto/sha512" // for signJWS
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// field is what package acme can't say in a request. As a context's value it is added
// to requests with that context.
type field struct {
	name  string
	value any
}

// adding has requests say more than package acme has fields for.
func adding(ctx context.Context, name string, value any) context.Context {
	return context.WithValue(ctx, field{}, field{name, value})
}

// addingTransport adds a field to requests, and signs them again. Nonce, URL and account
// stay as package acme put them into the protected header, so its retries work as for
// every other request.
type addingTransport struct {
	http.RoundTripper
	key crypto.Signer // the account's
}

func (r addingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	added, ok := request.Context().Value(field{}).(field)
	if !ok || request.Method != http.MethodPost || request.Body == nil {
		return r.RoundTripper.RoundTrip(request)
	}
	text, err := io.ReadAll(request.Body)
	request.Body.Close()
	if err != nil {
		return nil, err
	}
	if text, err = r.add(text, added); err != nil {
		return nil, fmt.Errorf("can't sign a request: %w", err)
	}
	changed := request.Clone(request.Context())
	changed.Body, changed.ContentLength, changed.GetBody = io.NopCloser(bytes.NewReader(text)), int64(len(text)), nil
	return r.RoundTripper.RoundTrip(changed)
}

// signed is a JWS in its flattened form (RFC 7515 §7.2.2).
type signed struct {
	Protected string `json:"protected"`
	Payload   string `json:"payload"`
	Signature string `json:"signature"`
}

// add adds a field to a request with a payload; one without stays as it is.
func (r addingTransport) add(text []byte, added field) ([]byte, error) {
	var request signed
	if err := json.Unmarshal(text, &request); err != nil {
		return nil, err
	}
	payload, err := base64.RawURLEncoding.DecodeString(request.Payload)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if json.Unmarshal(payload, &fields) != nil {
		return text, nil
	}
	fields[added.name] = added.value
	if payload, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	request.Payload = base64.RawURLEncoding.EncodeToString(payload)
	if request.Signature, err = signJWS(r.key, request.Protected+"."+request.Payload); err != nil {
		return nil, err
	}
	return json.Marshal(request)
}

// signJWS signs a text by the algorithm that package acme uses for a key (RFC 7518
// §3.3, §3.4). An account that was adopted may have one of any type.
func signJWS(key crypto.Signer, text string) (string, error) {
	encode := base64.RawURLEncoding.EncodeToString
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		sum := sha256.Sum256([]byte(text))
		signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
		return encode(signature), err
	}
	hash := crypto.SHA256
	switch size := ec.Curve.Params().BitSize; {
	case size > 384:
		hash = crypto.SHA512
	case size > 256:
		hash = crypto.SHA384
	}
	sum := hash.New()
	sum.Write([]byte(text)) // never fails
	x, y, err := ecdsa.Sign(rand.Reader, ec, sum.Sum(nil))
	if err != nil {
		return "", err
	}
	width := (ec.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*width)
	x.FillBytes(signature[:width])
	y.FillBytes(signature[width:])
	return encode(signature), nil
}
