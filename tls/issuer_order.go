package tls

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// storedOrder is an order under way, as the next leader finds it.
type storedOrder struct {
	URL     string                  `json:"url"`
	Account string                  `json:"account"` // URL of whose it is
	Key     string                  `json:"key"`     // of the certificate, PEM
	Type    gatelodge.ChallengeType `json:"type"`    // by which the name is proved
}

// obtain gets a certificate: it finishes the order that is kept, or opens one.
// Where the name can be proved in several ways, each is tried with an order of
// its own, for a failed proof ends an order (RFC 8555 §7.1.6).
func (t *term) obtain(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance) error {
	k, err := t.load(ctx, issuance.Name)
	if err != nil {
		return err
	}
	if k.isFresh(time.Now()) {
		return nil // the Snapshot is a moment behind
	}
	c, err := t.clientFor(ctx, issuing.Account)
	if err != nil {
		return err
	}
	types := issuance.Challenges
	for {
		stored, order, err := t.resume(ctx, c, k)
		if err == nil && order == nil {
			stored, order, err = t.open(ctx, c, k, types[0])
		}
		if err == nil {
			t.authorityWell(ctx)
			err = t.fulfil(ctx, c, issuing, issuance, k, stored, order)
		}
		var refused *acme.AuthorizationError
		if !errors.As(err, &refused) {
			return err
		}
		next := slices.Index(types, stored.Type) + 1
		if next == len(types) {
			return err
		}
		t.config.Log.Info("a name was not proved, trying another way", "name", string(issuance.Name),
			"failed", string(stored.Type), "reason", sentence(err), "next", string(types[next]))
		types = types[next:]
		k.Order = nil
	}
}

// isFresh tells whether there is a certificate that need not be renewed yet.
func (k *kept) isFresh(now time.Time) bool {
	block, _ := pem.Decode(k.Chain)
	if block == nil {
		return false
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false
	}
	sum := fingerprint(leaf)
	return now.Before(renewTime(&gatelodge.Certificate{NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Fingerprint: sum}))
}

// resume finds the order that is kept, if the CA still knows it and it can be
// finished.
func (t *term) resume(ctx context.Context, c *client, k *kept) (*storedOrder, *acme.Order, error) {
	if len(k.Order) == 0 {
		return nil, nil, nil
	}
	stored := &storedOrder{}
	if err := json.Unmarshal(k.Order, stored); err != nil || stored.Account != string(c.KID) {
		return nil, nil, nil // of another account
	}
	order, err := c.GetOrder(ctx, stored.URL)
	var problem *acme.Error
	switch {
	case errors.As(err, &problem) && problem.StatusCode >= 400 && problem.StatusCode < 500 &&
		problem.StatusCode != http.StatusTooManyRequests && kindOf(problem) != "badNonce":
		t.config.Log.Info("the CA no longer knows an order", "name", string(k.Name), "order", stored.URL, "reason", sentence(err))
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case order.Status == acme.StatusInvalid:
		return nil, nil, nil
	}
	t.config.Log.Info("going on with an order", "name", string(k.Name), "order", stored.URL, "status", order.Status)
	return stored, order, nil
}

// open places an order, and keeps it with the key of the certificate to come
// before anything else is done about it.
func (t *term) open(ctx context.Context, c *client, k *kept, by gatelodge.ChallengeType) (*storedOrder, *acme.Order, error) {
	key, err := generateKey(c.account.KeyType)
	if err != nil {
		return nil, nil, err
	}
	text, err := encodeKey(key)
	if err != nil {
		return nil, nil, err
	}
	var options []acme.OrderOption
	if c.account.Profile != "" {
		options = append(options, acme.WithOrderIssuanceProfile(acme.ProfileName(c.account.Profile)))
	}
	order, err := c.AuthorizeOrder(ctx, acme.DomainIDs(string(k.Name)), options...)
	var problem *acme.Error
	switch {
	case err != nil && !errors.As(err, &problem) && ctx.Err() == nil:
		return nil, nil, authorityError{err} // the CA can't be reached, or has no such profile
	case err != nil && problem != nil && kindOf(problem) == "unauthorized" && !t.isGood(ctx, c):
		return nil, nil, authorityError{err}
	case err != nil:
		return nil, nil, err
	}
	stored := &storedOrder{URL: order.URI, Account: string(c.KID), Key: string(text), Type: by}
	if k.Order, err = json.Marshal(stored); err != nil {
		return nil, nil, err
	}
	if err := t.save(ctx, k); err != nil {
		return nil, nil, err
	}
	t.config.Log.Info("ordered a certificate", "name", string(k.Name), "order", order.URI, "by", string(by))
	return stored, order, nil
}

// isGood tells whether the CA still has the account: if not, no name is to blame
// for a refusal.
func (t *term) isGood(ctx context.Context, c *client) bool {
	account, err := c.GetReg(ctx, "")
	return err == nil && account.Status == acme.StatusValid
}

// fulfil does what is left to do for an order (RFC 8555 §7.4) and keeps the
// certificate.
func (t *term) fulfil(ctx context.Context, c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, k *kept, stored *storedOrder, order *acme.Order) error {
	key, err := decodeKey([]byte(stored.Key))
	if err != nil {
		return orderOver{fmt.Errorf("the key of the order: %w", err)}
	}
	if order.Status == acme.StatusPending {
		for _, url := range order.AuthzURLs {
			if err := t.prove(ctx, c, issuing, issuance, url, stored.Type); err != nil {
				return overIfFinal(err)
			}
		}
	}
	if order, err = c.WaitOrder(ctx, stored.URL); err != nil {
		return overIfFinal(err)
	}
	var chain [][]byte
	if order.Status == acme.StatusValid {
		chain, err = c.FetchCert(ctx, order.CertURL, true)
	} else {
		chain, err = t.finalize(ctx, c, k.Name, key, order)
	}
	if err != nil {
		return overIfFinal(err)
	}
	leaf, err := checkChain(chain, k.Name, key)
	if err != nil {
		return orderOver{err}
	}
	k.Chain, k.Key, k.Order, k.Failure = encodeChain(chain), []byte(stored.Key), nil, nil
	if err := t.save(ctx, k); err != nil {
		return err
	}
	t.config.Log.Info("a certificate was issued", "name", string(k.Name), "until", leaf.NotAfter.UTC(), "issuer", leaf.Issuer.String())
	return nil
}

// overIfFinal marks errors after which the CA never finishes the order.
func overIfFinal(err error) error {
	var refused *acme.AuthorizationError
	var order *acme.OrderError
	if errors.As(err, &refused) || errors.As(err, &order) {
		return orderOver{err}
	}
	return err
}

func (t *term) finalize(ctx context.Context, c *client, name gatelodge.Name, key crypto.Signer, order *acme.Order) ([][]byte, error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{string(name)}}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := c.CreateCertFromOrder(ctx, order, csr, true)
	return chain, err
}

// checkChain tells whether the CA issued what was ordered.
func checkChain(chain [][]byte, name gatelodge.Name, key crypto.Signer) (*x509.Certificate, error) {
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("the CA issued what is no certificate: %w", err)
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return nil, errors.New("the CA issued a certificate for another key")
	}
	if !slices.Contains(leaf.DNSNames, string(name)) {
		return nil, fmt.Errorf("the CA issued a certificate for %v", leaf.DNSNames)
	}
	return leaf, nil
}

func encodeChain(chain [][]byte) []byte {
	var text bytes.Buffer
	for _, der := range chain {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return text.Bytes()
}
