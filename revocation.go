package gatelodge

import (
	"encoding/json"
	"fmt"
	"time"
)

// RevocationsItem is the Store item with the certificates that their CAs revoked.
// RevocationsPart is a part of it and of no other item.
const (
	RevocationsItem = "revocations"
	RevocationsPart = "revocations"
)

// Revocation is a certificate that its CA has revoked.
type Revocation struct {
	Fingerprint string    `json:"fingerprint"` // Certificate.Fingerprint
	At          time.Time `json:"at"`          // when the CA revoked it
	Reason      int       `json:"reason"`      // CRLReason (RFC 5280 §5.3.1)
	NotAfter    time.Time `json:"notAfter"`    // end of the certificate's validity, after which the revocation is forgotten
}

// Flaw returns the flaw that the revocation gives its certificate.
func (r Revocation) Flaw() *Flaw {
	return &Flaw{Revoked, fmt.Sprintf("was revoked by its CA at %s (%s)", r.At.UTC().Format(time.RFC3339), r.reason())}
}

// reason returns the name of the CRLReason in RFC 5280 §5.3.1.
func (r Revocation) reason() string {
	names := [...]string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
		"certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}
	if r.Reason < 0 || r.Reason >= len(names) || names[r.Reason] == "" {
		return fmt.Sprintf("reason %d", r.Reason)
	}
	return names[r.Reason]
}

// EncodeRevocations returns the parts of RevocationsItem.
func EncodeRevocations(revocations []Revocation) (map[string][]byte, error) {
	text, err := json.Marshal(revocations)
	return map[string][]byte{RevocationsPart: text}, err
}

// DecodeRevocations reads what EncodeRevocations returned.
func DecodeRevocations(parts map[string][]byte) (revocations []Revocation, err error) {
	if text := parts[RevocationsPart]; len(text) > 0 {
		if err := json.Unmarshal(text, &revocations); err != nil {
			return nil, fmt.Errorf("part %s: %w", RevocationsPart, err)
		}
	}
	return revocations, nil
}
