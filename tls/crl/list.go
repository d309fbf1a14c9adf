package crl

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// List is a CRL that its issuer has signed.
type List struct {
	// NextUpdate is when there is another one at the latest; zero: it does not say.
	NextUpdate time.Time

	bySerial map[string]*x509.RevocationListEntry
}

// Hold is the reason of a certificate that may become valid again (RFC 5280 §5.3.1).
const Hold = 6

// Entry is a certificate on a List.
type Entry struct {
	At     time.Time
	Reason int // as RFC 5280 §5.3.1 numbers them
}

// Extensions of CRLs that an implementation has to know (RFC 5280 §5.2).
var (
	issuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	deltaIndicator           = asn1.ObjectIdentifier{2, 5, 29, 27}
)

// Parse reads a CRL, in DER, that is complete for the certificates of issuer. It fails
// if another has signed it, or if it has a critical extension that is not known.
func Parse(der []byte, issuer *x509.Certificate) (*List, error) {
	crl, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(crl.RawIssuer, issuer.RawSubject) {
		return nil, fmt.Errorf("the CRL is %.100q's, expected that of %.100q", crl.Issuer, issuer.Subject)
	}
	if err := crl.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("the CRL's signature: %w", err)
	}
	for _, e := range crl.Extensions {
		switch {
		case e.Id.Equal(issuingDistributionPoint):
			if err := checkScope(e.Value); err != nil {
				return nil, err
			}
		case e.Id.Equal(deltaIndicator):
			return nil, errors.New("the CRL has the changes to another one only")
		case e.Critical:
			return nil, fmt.Errorf("the CRL has a critical extension %v", e.Id)
		}
	}
	list := &List{NextUpdate: crl.NextUpdate, bySerial: make(map[string]*x509.RevocationListEntry, len(crl.RevokedCertificateEntries))}
	for i := range crl.RevokedCertificateEntries {
		entry := &crl.RevokedCertificateEntries[i]
		for _, e := range entry.Extensions {
			if e.Critical {
				return nil, fmt.Errorf("an entry of the CRL has a critical extension %v", e.Id)
			}
		}
		list.bySerial[string(entry.SerialNumber.Bytes())] = entry
	}
	return list, nil
}

// checkScope refuses a CRL that is for other certificates (RFC 5280 §5.2.5).
func checkScope(der []byte) error {
	var scope struct {
		Point          asn1.RawValue  `asn1:"optional,tag:0"`
		UsersOnly      bool           `asn1:"optional,tag:1"`
		CAsOnly        bool           `asn1:"optional,tag:2"`
		Reasons        asn1.BitString `asn1:"optional,tag:3"`
		Indirect       bool           `asn1:"optional,tag:4"`
		AttributesOnly bool           `asn1:"optional,tag:5"`
	}
	if _, err := asn1.Unmarshal(der, &scope); err != nil {
		return fmt.Errorf("the CRL's scope: %w", err)
	}
	if scope.Indirect || scope.CAsOnly || scope.AttributesOnly {
		return errors.New("the CRL is for other certificates")
	}
	return nil
}

// Find looks a certificate up by its serial number.
func (l *List) Find(serial *big.Int) (Entry, bool) {
	entry := l.bySerial[string(serial.Bytes())]
	if entry == nil {
		return Entry{}, false
	}
	return Entry{entry.RevocationTime, entry.ReasonCode}, true
}
