package gatelodge

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// All replicas read what the issuer keeps in a Store. The format is defined here
// because package tls writes it and package kube reads it, and neither imports the
// other.

// Names of items and of their parts.
const (
	ChallengesItem = "acme-challenges" // see EncodeChallenges
	AuthorityItem  = "acme-ca"         // a StoredIssuance without a name: why no certificate can be ordered
	issuancePrefix = "acme-cert-"

	// ChallengesPart is a part of ChallengesItem and of no other item.
	ChallengesPart = "challenges"

	namePart    = "name"
	secondPart  = "second" // present: see StoredIssuance.Second
	chainPart   = "tls.crt"
	keyPart     = "tls.key"
	orderPart   = "order"
	failurePart = "failure"
	windowPart  = "renewal"
	otherPart   = "renewal-elsewhere"
	caPart      = "directory"
	sharedPart  = "namespace"
	withPart    = "with" // names, one a line
)

// Item returns the name of the item that holds the certificate. It contains the DNS
// name where an item name can.
func (k IssuanceKey) Item() string {
	kind, text := "name-", string(k.Name)
	if k.Name.IsWildcard() {
		kind, text = "wildcard-", strings.TrimPrefix(text, "*.")
	}
	if len(text) > 120 || strings.Contains(text, "_") {
		sum := sha256.Sum256([]byte(text))
		kind, text = "hash-"+kind, hex.EncodeToString(sum[:16])
	}
	if k.Second {
		kind = "second-" + kind
	}
	return issuancePrefix + kind + text
}

// IsServedItem reports whether replicas serve content of the item: challenges,
// certificates, their revocations and the public part of accounts, but not account
// keys.
func IsServedItem(item string) bool {
	return item == ChallengesItem || item == AuthorityItem || item == AccountsItem || item == RevocationsItem || IsIssuanceItem(item)
}

// IsIssuanceItem reports whether the item is a StoredIssuance for a name.
func IsIssuanceItem(item string) bool { return strings.HasPrefix(item, issuancePrefix) }

// StoredIssuance is what the Store keeps for one certificate.
type StoredIssuance struct {
	Name       Name
	Second     bool           // as in Issuance
	Chain, Key []byte         // PEM, as in a Secret of type kubernetes.io/tls; empty: nothing has been issued
	Namespace  string         // only its hosts share Chain; no other namespace's host may serve it; "": Chain is for Name alone
	Order      []byte         // the order in progress, in the issuer's own encoding; empty: none
	With       []Name         // the other names in Order
	Directory  string         // of the CA that issued Chain; "": unknown
	Window     *RenewalWindow // for Chain; nil: the CA suggests none
	Elsewhere  *OtherWindow   // for a certificate that Issuance.Elsewhere is set for; nil: the CA suggests none
	Failure    *Failure       // the last attempt's error; nil: it succeeded
}

// OtherWindow is the renewal window of a certificate that is not stored.
type OtherWindow struct {
	RenewalWindow
	Fingerprint string `json:"fingerprint"` // as in Certificate
}

// Failure describes a failed attempt.
type Failure struct {
	Message  string    `json:"message"`           // in the words of the CA or the system
	At       time.Time `json:"at"`                // when it failed
	RetryAt  time.Time `json:"retryAt"`           // when to try again
	Attempts int       `json:"attempts"`          // failed attempts since the last success
	Profile  string    `json:"profile,omitempty"` // set if the CA lacks this requested profile; "": the failure had another cause
}

// IssuanceKey returns the key of the Issuance that s belongs to.
func (s *StoredIssuance) IssuanceKey() IssuanceKey { return IssuanceKey{s.Name, s.Second} }

// Encode returns the parts of the item.
func (s *StoredIssuance) Encode() (map[string][]byte, error) {
	parts := map[string][]byte{namePart: []byte(s.Name)}
	for part, content := range map[string][]byte{chainPart: s.Chain, keyPart: s.Key, orderPart: s.Order} {
		if len(content) > 0 {
			parts[part] = content
		}
	}
	if s.Second {
		parts[secondPart] = []byte("true")
	}
	if s.Namespace != "" {
		parts[sharedPart] = []byte(s.Namespace)
	}
	for _, name := range s.With {
		parts[withPart] = append(parts[withPart], name+"\n"...)
	}
	if s.Directory != "" {
		parts[caPart] = []byte(s.Directory)
	}
	if s.Failure != nil {
		text, err := json.Marshal(s.Failure)
		if err != nil {
			return nil, err
		}
		parts[failurePart] = text
	}
	if s.Window != nil {
		text, err := json.Marshal(s.Window)
		if err != nil {
			return nil, err
		}
		parts[windowPart] = text
	}
	if s.Elsewhere != nil {
		text, err := json.Marshal(s.Elsewhere)
		if err != nil {
			return nil, err
		}
		parts[otherPart] = text
	}
	return parts, nil
}

// DecodeIssuance reads what Encode returned.
func DecodeIssuance(parts map[string][]byte) (*StoredIssuance, error) {
	s := &StoredIssuance{Chain: parts[chainPart], Key: parts[keyPart], Order: parts[orderPart], Directory: string(parts[caPart]), Namespace: string(parts[sharedPart])}
	_, s.Second = parts[secondPart]
	for _, text := range strings.Fields(string(parts[withPart])) {
		name, err := ParseName(text)
		if err != nil {
			return nil, fmt.Errorf("part %s: %w", withPart, err)
		}
		s.With = append(s.With, name)
	}
	if text := string(parts[namePart]); text != "" {
		name, err := ParseName(text)
		if err != nil {
			return nil, err
		}
		s.Name = name
	}
	if text := parts[failurePart]; len(text) > 0 {
		s.Failure = new(Failure)
		if err := json.Unmarshal(text, s.Failure); err != nil {
			return nil, fmt.Errorf("part %s: %w", failurePart, err)
		}
	}
	if text := parts[windowPart]; len(text) > 0 {
		s.Window = new(RenewalWindow)
		if err := json.Unmarshal(text, s.Window); err != nil {
			return nil, fmt.Errorf("part %s: %w", windowPart, err)
		}
	}
	if text := parts[otherPart]; len(text) > 0 {
		s.Elsewhere = new(OtherWindow)
		if err := json.Unmarshal(text, s.Elsewhere); err != nil {
			return nil, fmt.Errorf("part %s: %w", otherPart, err)
		}
	}
	return s, nil
}

// storedChallenge is the encoding of a Challenge.
type storedChallenge struct {
	Type        ChallengeType `json:"type"`
	Name        Name          `json:"name"`
	Token       string        `json:"token,omitempty"`
	Response    string        `json:"response,omitempty"`
	Certificate string        `json:"certificate,omitempty"` // PEM, including the key
}

// EncodeChallenges returns the parts of ChallengesItem.
func EncodeChallenges(challenges []Challenge) (map[string][]byte, error) {
	stored := make([]storedChallenge, len(challenges))
	for i, c := range challenges {
		stored[i] = storedChallenge{Type: c.Type, Name: c.Name, Token: c.Token, Response: c.Response}
		if c.Certificate != nil {
			text, err := encodeKeyPair(c.Certificate)
			if err != nil {
				return nil, fmt.Errorf("%s challenge for %s: %w", c.Type, c.Name, err)
			}
			stored[i].Certificate = string(text)
		}
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{ChallengesPart: text}, nil
}

// DecodeChallenges reads what EncodeChallenges returned.
func DecodeChallenges(parts map[string][]byte) ([]Challenge, error) {
	var stored []storedChallenge
	if text := parts[ChallengesPart]; len(text) > 0 {
		if err := json.Unmarshal(text, &stored); err != nil {
			return nil, fmt.Errorf("part %s: %w", ChallengesPart, err)
		}
	}
	challenges := make([]Challenge, len(stored))
	for i, s := range stored {
		name, err := ParseName(string(s.Name))
		if err != nil {
			return nil, err
		}
		challenges[i] = Challenge{Type: s.Type, Name: name, Token: s.Token, Response: s.Response}
		switch s.Type {
		case DNS01, HTTP01:
			if !isBase64URL(s.Response) && !isKeyAuthorization(s.Response) {
				return nil, fmt.Errorf("%s challenge for %s: invalid response", s.Type, name)
			}
		case TLSALPN01:
			pair, err := tls.X509KeyPair([]byte(s.Certificate), []byte(s.Certificate))
			if err != nil {
				return nil, fmt.Errorf("%s challenge for %s: %w", s.Type, name, err)
			}
			challenges[i].Certificate = &pair
		default:
			return nil, fmt.Errorf("challenge for %s is of unknown type %.20q", name, s.Type)
		}
	}
	return challenges, nil
}

// isBase64URL reports whether s consists of characters of RFC 4648 §5, which need
// no quoting anywhere.
func isBase64URL(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
	})
}

// isKeyAuthorization reports whether s is a token and a thumbprint, joined by a dot
// (RFC 8555 §8.1).
func isKeyAuthorization(s string) bool {
	token, thumbprint, found := strings.Cut(s, ".")
	return found && isBase64URL(token) && isBase64URL(thumbprint)
}

// encodeKeyPair encodes a certificate and its key as PEM.
func encodeKeyPair(pair *tls.Certificate) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}
