package secrets

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
)

// The keys of a Secret with the CAs for client certificates, as in ingress-nginx.
const (
	authoritiesKey = "ca.crt"
	revocationsKey = "ca.crl"
)

// Limits of what is read of one Secret.
const (
	maxAuthorities = 500
	maxSignatures  = 1000 // of CRLs, by each CA that may have signed one
)

// ReadClientTrust reads CAs, and CRLs if there are any.
func ReadClientTrust(secret *corev1.Secret, depth int) (*gatelodge.ClientTrust, error) {
	trust := &gatelodge.ClientTrust{Depth: depth}
	sum := sha256.New()
	fmt.Fprintf(sum, "depth %d\n", depth)
	named := make(map[string]int) // CAs by their names
	err := eachBlock(secret.Data[authoritiesKey], authoritiesKey, "CERTIFICATE", sum, func(block *pem.Block) error {
		authority, err := parseCertificate(block)
		if err == nil {
			err = checkRSABits(authority)
		}
		switch {
		case err != nil:
			return err
		case len(trust.Authorities) == maxAuthorities:
			return fmt.Errorf("there are more than %d", maxAuthorities)
		}
		trust.Authorities = append(trust.Authorities, authority)
		named[string(authority.RawSubject)]++
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(trust.Authorities) == 0 {
		return nil, fmt.Errorf("has no certificate in %s, expected the authorities in PEM", authoritiesKey)
	}
	text, ok := secret.Data[revocationsKey]
	if !ok {
		trust.Key = hex.EncodeToString(sum.Sum(nil))
		return trust, nil
	}
	checks := 0 // of signatures, because each takes time
	err = eachBlock(text, revocationsKey, "X509 CRL", sum, func(block *pem.Block) error {
		crl, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return err
		}
		if checks += named[string(crl.RawIssuer)]; checks > maxSignatures {
			return errors.New("too many authorities of one name may have signed it")
		}
		trust.Revocations = append(trust.Revocations, crl)
		return signedByOneOf(crl, trust.Authorities)
	})
	if err != nil {
		return nil, err
	}
	if len(trust.Revocations) == 0 {
		return nil, fmt.Errorf("has no CRL in %s, expected CRLs in PEM, or no such key", revocationsKey)
	}
	trust.Key = hex.EncodeToString(sum.Sum(nil))
	return trust, nil
}

// eachBlock reads every PEM block of a type, and adds it to sum.
func eachBlock(text []byte, key, kind string, sum hash.Hash, read func(block *pem.Block) error) error {
	blocks, err := readPEM(text)
	if err != nil && !errors.Is(err, errNoBlock) {
		return fmt.Errorf("can't be used: %s %w", key, err)
	}
	for _, block := range blocks {
		if block.Type != kind && !(kind == "CERTIFICATE" && isCertificate(block)) {
			return fmt.Errorf("holds a block %.40q in %s, expected nothing but %q", block.Type, key, kind)
		}
		if err := read(block); err != nil {
			return fmt.Errorf("holds a block %q in %s that can't be used: %w", kind, key, err)
		}
		fmt.Fprintf(sum, "%s %d\n", kind, len(block.Bytes))
		sum.Write(block.Bytes)
	}
	return nil
}

func signedByOneOf(crl *x509.RevocationList, authorities []*x509.Certificate) error {
	for _, authority := range authorities {
		if string(authority.RawSubject) == string(crl.RawIssuer) && crl.CheckSignatureFrom(authority) == nil {
			return nil
		}
	}
	return errors.New("none of the authorities in " + authoritiesKey + " has signed it")
}
