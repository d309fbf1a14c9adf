package issuer

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
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
