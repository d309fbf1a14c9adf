package gatelodge

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeyType is the type and size of a certificate's key.
type KeyType string

// The key types that public CAs accept.
const (
	ECDSAP256 KeyType = "ecdsa-p256"
	ECDSAP384 KeyType = "ecdsa-p384"
	RSA2048   KeyType = "rsa-2048"
	RSA3072   KeyType = "rsa-3072"
	RSA4096   KeyType = "rsa-4096"
)

// AllKeyTypes lists the key types, the cheapest for the gateway first.
func AllKeyTypes() []KeyType { return []KeyType{ECDSAP256, ECDSAP384, RSA2048, RSA3072, RSA4096} }

// Algorithm returns the algorithm of the key type. "" stands for ECDSAP256.
func (t KeyType) Algorithm() x509.PublicKeyAlgorithm {
	if strings.HasPrefix(string(t), "rsa-") {
		return x509.RSA
	}
	return x509.ECDSA
}

// KeyTypes is one key type, or two of different algorithms between which clients
// choose; "" stands for none.
type KeyTypes [2]KeyType

// ParseKeyTypes parses one or two key types, separated by a comma. Its error
// completes a sentence that begins with the text.
func ParseKeyTypes(text string) (types KeyTypes, err error) {
	parts := strings.Split(text, ",")
	if len(parts) > len(types) {
		return KeyTypes{}, fmt.Errorf("holds %d types, the most are one of ECDSA and one of RSA", len(parts))
	}
	for i, part := range parts {
		types[i] = KeyType(strings.TrimSpace(part))
		if !slices.Contains(AllKeyTypes(), types[i]) {
			return KeyTypes{}, errors.New("is not a key type, or two")
		}
	}
	if types[1] != "" && types[0].Algorithm() == types[1].Algorithm() {
		return KeyTypes{}, fmt.Errorf("holds two types of %s, of which clients would only get one", types[0].Algorithm())
	}
	return types, nil
}

// OrDefault returns t, or ECDSAP256 if t holds no key type.
func (t KeyTypes) OrDefault() KeyTypes {
	if t[0] == "" {
		return KeyTypes{ECDSAP256}
	}
	return t
}

// String returns the form that ParseKeyTypes parses.
func (t KeyTypes) String() string {
	if t[1] == "" {
		return string(t[0])
	}
	return string(t[0]) + "," + string(t[1])
}

// IssuanceKey identifies an Issuance. A name has one certificate, or a second one
// where two key types are requested. The key does not say which certificate has
// which type, so a certificate keeps its key when the requested types change.
type IssuanceKey struct {
	Name   Name
	Second bool
}

// Compare implements Ordered.
func (k IssuanceKey) Compare(other IssuanceKey) int {
	return cmp.Or(k.Name.Compare(other.Name), cmp.Compare(k.rank(), other.rank()))
}

func (k IssuanceKey) rank() int {
	if k.Second {
		return 1
	}
	return 0
}

// KeysOf returns the keys of both certificates that a name can have.
func KeysOf(name Name) [2]IssuanceKey {
	return [2]IssuanceKey{{name, false}, {name, true}}
}

// Other returns the key of the name's other certificate.
func (k IssuanceKey) Other() IssuanceKey { return IssuanceKey{k.Name, !k.Second} }
