package adopt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/secrets"
)

// How autocert.DirCache names its files. A certificate is in a file HOST, or in
// HOST+rsa if its key is one of RSA: first the key, and then the chain.
const (
	accountFile      = "acme_account+key"
	olderAccountFile = "acme_account.key"
	rsaSuffix        = "+rsa"
	// WildcardLabel replaces "*", which a key of autocert.Cache may not contain.
	WildcardLabel = "_"
)

// HostOf returns the host that a file's certificate is for.
func HostOf(file string) (gatelodge.Name, error) {
	host := strings.TrimSuffix(file, rsaSuffix)
	if parent, ok := strings.CutPrefix(host, WildcardLabel+"."); ok {
		host = "*." + parent
	}
	return gatelodge.ParseName(host)
}

// AutocertFile returns the file in which autocert would keep an issued certificate: its
// name and content.
func AutocertFile(issued *gatelodge.StoredIssuance) (file string, text []byte, err error) {
	pair, _, err := secrets.ReadKeyPair(issued.Chain, issued.Key)
	if err != nil {
		return "", nil, err
	}
	file = strings.Replace(string(issued.Name), "*", WildcardLabel, 1)
	if host, err := HostOf(file); err != nil || host != issued.Name {
		return "", nil, fmt.Errorf("autocert has no name for a file of %s", issued.Name)
	}
	if _, isRSA := pair.PrivateKey.(*rsa.PrivateKey); isRSA {
		file += rsaSuffix
	}
	if text, err = encodeAutocertKey(pair.PrivateKey); err != nil {
		return "", nil, err
	}
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return file, text, nil
}

// AutocertAccountFile returns the file in which autocert would keep the key of an
// account, which is in PEM.
func AutocertAccountFile(key []byte) (file string, text []byte, err error) {
	block, _ := pem.Decode(key)
	if block == nil {
		return "", nil, errors.New("the key of the account is not PEM")
	}
	parsed, err := secrets.ParseKey(block)
	if err != nil {
		return "", nil, err
	}
	text, err = encodeAutocertKey(parsed)
	return accountFile, text, err
}

// encodeAutocertKey returns a key as autocert writes it: PEM of SEC 1 or PKCS #1.
func encodeAutocertKey(key crypto.PrivateKey) ([]byte, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
	case *rsa.PrivateKey:
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
	}
	return nil, fmt.Errorf("autocert has no form for a key of type %T", key)
}
