package gatelodge

import (
	"encoding/json"
	"fmt"
	"time"
)

// RevocationsItem is the item with the certificates that their CAs have revoked, and
// RevocationsPart is in it and in no other.
const (
	RevocationsItem = "revocations"
	RevocationsPart = "revocations"
)

// Revocation is a certificate that its CA has revoked.
type Revocation struct {
	Fingerprint string    `json:"fingerprint"` // as that of a Certificate
	At          time.Time `json:"at"`          // when it was revoked, as the CA has it
	Reason      int       `json:"reason"`      // as RFC 5280 §5.3.1 numbers them
	NotAfter    time.Time `json:"notAfter"`    // of the certificate, after which nothing is to be known of it
}

// Flaw is what a revocation means for its certificate.
func (r Revocation) Flaw() *Flaw {
	return &Flaw{Revoked, fmt.Sprintf("was revoked by its CA at %s (%s)", r.At.UTC().Format(time.RFC3339), r.reason())}
}

// reason names the reason as RFC 5280 §5.3.1 does.
func (r Revocation) reason() string {
	names := [...]string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
		"certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}
	if r.Reason < 0 || r.Reason >= len(names) || names[r.Reason] == "" {
		return fmt.Sprintf("reason %d", r.Reason)
	}
	return names[r.Reason]
}

// EncodeRevocations returns the parts of the item that holds the revocations.
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
