package issuer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	_ "crypto/sha512" // for signJWS
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// order places an order, by a profile or with "" by none. It says by its id which
// certificate the new one replaces (RFC 9773 §5), so that the CA counts it as a
// renewal. That is left out where the CA does not accept it: it may not have issued
// that one, which some answer with 500, or has renewed it already.
func (c *client) order(ctx context.Context, names []gatelodge.Name, id, profile string) (*acme.Order, error) {
	var options []acme.OrderOption
	if profile != "" {
		options = append(options, acme.WithOrderIssuanceProfile(acme.ProfileName(profile)))
	}
	place := func(ctx context.Context) (*acme.Order, error) {
		return c.AuthorizeOrder(ctx, acme.DomainIDs(texts(names)...), options...)
	}
	if id == "" || c.renewalInfo == "" {
		return place(ctx)
	}
	order, err := place(adding(ctx, "replaces", id))
	var problem *acme.Error
	if errors.As(err, &problem) && problem.StatusCode != http.StatusTooManyRequests {
		return place(ctx)
	}
	return order, err
}

// replaces identifies what an order at the CA with a directory replaces, "" for nothing
// that it may have issued.
func (k *issuanceItem) replaces(i *gatelodge.Issuance, directory string) string {
	if i.Elsewhere && !renews(i) {
		return "" // the CA accepts no replacement that shares no name
	}
	if i.Elsewhere {
		id, _ := renewalID(i.Certificate.KeyPair.Certificate[0]) // "" with an error
		return id
	}
	if k.Directory != "" && k.Directory != directory {
		return ""
	}
	return replacedID(k.Chain)
}

// replacedID identifies the certificate of a chain in PEM, "" for none.
func replacedID(chain []byte) string {
	block, _ := pem.Decode(chain)
	if block == nil {
		return ""
	}
	id, err := renewalID(block.Bytes)
	if err != nil {
		return ""
	}
	return id
}

// renewalID identifies a certificate, in DER, towards its CA (RFC 9773 §4.1).
func renewalID(der []byte) (string, error) {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return "", err
	}
	if len(leaf.AuthorityKeyId) == 0 {
		return "", errors.New("the certificate does not identify the key of its issuer")
	}
	serial := leaf.SerialNumber.Bytes()
	if len(serial) == 0 || serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // as the content of an INTEGER (X.690 §8.3)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode(leaf.AuthorityKeyId) + "." + encode(serial), nil
}

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
