package issuer

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
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

// storedOrder is an open order, stored for the next leader to complete.
type storedOrder struct {
	URL       string                  `json:"url"`
	Directory string                  `json:"directory"` // of the CA
	Account   string                  `json:"account"`   // URL
	Key       string                  `json:"key"`       // of the certificate, PEM
	Type      gatelodge.ChallengeType `json:"type"`      // of the challenge to respond to
}

// maxClockAhead is by how much the clock of a CA may be ahead.
const maxClockAhead = 5 * time.Minute

// obtain gets a certificate: it completes the stored order, or places one. Where
// there are several types of challenge, each is tried in an order of its own,
// because a failed challenge ends an order (RFC 8555 §7.1.6).
func (t *term) obtain(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, at *attempt) error {
	k, err := t.load(ctx, issuance.Key())
	if err != nil {
		return err
	}
	k.disown(issuance)
	if len(k.With) > 0 { // the order is for names that are no longer asked for
		k.Order, k.With = nil, nil
	}
	if k.isFresh(time.Now(), issuance) {
		return nil // the Snapshot does not include it yet
	}
	at.completeAt(t, k)
	c, err := t.clientFor(ctx, at.authority)
	if err != nil {
		return err
	}
	types, err := t.typesFor(ctx, c, issuing, issuance)
	if err != nil {
		return err
	}
	var failed error // of the previous type
	for {
		stored, order, err := t.resume(ctx, c, k)
		if err == nil && order == nil {
			stored, order, err = t.open(ctx, c, issuing, issuance, k, types[0], at.reservation)
		}
		var over overBudget
		if failed != nil && errors.As(err, &over) {
			return failed
		}
		if err == nil {
			t.authorityRecovered(ctx, at.authority)
			err = t.completeOrder(ctx, c, issuing, issuance, k, stored, order)
			if lost := at.ended(ctx, err); lost != nil {
				return lost
			}
		}
		var refused *acme.AuthorizationError
		if !errors.As(err, &refused) {
			return err
		}
		if stored.Type == gatelodge.DNSPersist01 {
			t.pausePersistent(issuance.Key())
		}
		next := slices.Index(types, stored.Type) + 1
		if next == len(types) {
			return err
		}
		t.config.Log.Info("a challenge failed, trying another type", "name", string(issuance.Name),
			"failed", string(stored.Type), "reason", messageOf(err), "next", string(types[next]))
		types, failed = types[next:], err
		k.Order = nil
	}
}

// completeAt changes an attempt to the CA at which an item's order is in progress, if
// that can be completed there.
func (at *attempt) completeAt(t *term, k *issuanceItem) {
	var begun storedOrder
	if json.Unmarshal(k.Order, &begun) != nil {
		return
	}
	if other := t.orderedFrom(begun.Directory, at.authority); other != at.authority {
		at.release()
		*at = attempt{other, other.allowance.reserve(at.order, time.Now(), false)}
	}
}

// isFresh reports whether there is a certificate that is not due for renewal, where
// the Snapshot has i. One that is older than that of another issuer has been replaced.
func (k *issuanceItem) isFresh(now time.Time, i *gatelodge.Issuance) bool {
	leaf, current := leafOf(k.Chain), i.Certificate
	if leaf == nil || i.Elsewhere && !leaf.NotBefore.After(current.NotBefore) {
		return false
	}
	sum := sha256.Sum256(leaf.Raw)
	if current != nil && current.Flaw != nil && current.Fingerprint == hex.EncodeToString(sum[:]) {
		return false
	}
	return now.Before(RenewAt(&gatelodge.Certificate{
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Fingerprint: hex.EncodeToString(sum[:]),
	}, k.Window))
}

// leafOf returns the first certificate of a chain in PEM, nil if there is none.
func leafOf(chain []byte) *x509.Certificate {
	block, _ := pem.Decode(chain)
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return leaf
}

// resume returns the stored order if the CA still has it and it can be
// completed, and nil otherwise.
func (t *term) resume(ctx context.Context, c *client, k *issuanceItem) (*storedOrder, *acme.Order, error) {
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
		problem.StatusCode != http.StatusTooManyRequests && errorType(problem) != "badNonce":
		t.config.Log.Info("the CA no longer knows an order", "name", string(k.Name), "order", stored.URL, "reason", messageOf(err))
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case order.Status == acme.StatusInvalid:
		return nil, nil, nil
	case order.Status != acme.StatusValid && !order.NotAfter.IsZero() && time.Until(order.NotAfter) < orderTime:
		return nil, nil, nil // step-ca sets the end of a certificate when it is ordered, and refuses to issue a short one
	}
	t.config.Log.Info("resuming an order", "name", string(k.Name), "order", stored.URL, "status", order.Status)
	return stored, order, nil
}

// open places an order, as r allows, and stores it with the certificate's key before it goes
// on.
func (t *term) open(ctx context.Context, c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, k *issuanceItem, by gatelodge.ChallengeType, r *reservation) (*storedOrder, *acme.Order, error) {
	profile, err := t.profileFor(c, issuing, issuance)
	if err != nil {
		return nil, nil, err
	}
	if err := r.spend(ctx); err != nil {
		return nil, nil, err
	}
	key, err := generateKey(issuance.KeyType)
	if err != nil {
		return nil, nil, err
	}
	text, err := encodeKey(key)
	if err != nil {
		return nil, nil, err
	}
	order, err := c.order(ctx, k.names(), k.replaces(issuance, c.account.Directory), profile)
	if err != nil {
		if lost := r.notIssued(ctx); lost != nil {
			return nil, nil, lost
		}
	}
	var problem *acme.Error
	switch {
	case err != nil && !errors.As(err, &problem) && ctx.Err() == nil:
		return nil, nil, authorityError{err} // the CA is unreachable, or does not have the profile
	case problem != nil && slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}, problem.StatusCode):
		return nil, nil, authorityError{err} // its directory names another URL by now
	case err != nil && problem != nil && errorType(problem) == "invalidProfile" && issuance.Profile != "" && issuance.Profile == profile:
		return nil, nil, noProfile{profile, messageOf(err)}
	case err != nil && problem != nil && errorType(problem) == "unauthorized" && !t.accountIsValid(ctx, c):
		return nil, nil, authorityError{err}
	case err != nil:
		return nil, nil, err
	case order.URI == "":
		return nil, nil, authorityError{errors.New("the CA does not say where an order is")}
	}
	stored := &storedOrder{URL: order.URI, Directory: c.account.Directory, Account: string(c.KID), Key: string(text), Type: by}
	before := k.Order
	if k.Order, err = json.Marshal(stored); err != nil {
		return nil, nil, err
	}
	if err := t.saveOrder(ctx, k, before); err != nil {
		return nil, nil, err
	}
	t.config.Log.Info("ordered a certificate", "name", string(k.Name), "names", len(k.names()), "order", order.URI, "by", string(by))
	return stored, order, nil
}

// accountIsValid reports whether the CA still accepts the account. If not, a
// refused order says nothing about its name.
func (t *term) accountIsValid(ctx context.Context, c *client) bool {
	account, err := c.GetReg(ctx, "")
	return err == nil && account.Status == acme.StatusValid
}

// completeOrder does what is left to do for an order (RFC 8555 §7.4) and stores
// the certificate.
func (t *term) completeOrder(ctx context.Context, c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, k *issuanceItem, stored *storedOrder, order *acme.Order) error {
	key, err := decodeKey([]byte(stored.Key))
	if err != nil {
		return orderOver{fmt.Errorf("the key of the order: %w", err)}
	}
	if order.Status == acme.StatusPending {
		for _, url := range order.AuthzURLs {
			if err := t.authorize(ctx, c, issuing, issuance, url, stored); err != nil {
				return overIfFinal(err)
			}
		}
	}
	chain, leaf, err := t.fetch(ctx, c, issuance, stored.URL, k.names(), key)
	if err != nil {
		return err
	}
	k.issued(chain, stored.Key, c.account.Directory)
	if err := t.save(ctx, k); err != nil {
		return err
	}
	t.config.Log.Info("a certificate was issued", "name", string(k.Name), "until", leaf.NotAfter.UTC(), "issuer", leaf.Issuer.String())
	return nil
}

// fetch gets the certificate of an order, at url, whose authorizations are completed.
func (t *term) fetch(ctx context.Context, c *client, issuance *gatelodge.Issuance, url string, names []gatelodge.Name, key crypto.Signer) (chain [][]byte, leaf *x509.Certificate, err error) {
	order, err := c.WaitOrder(ctx, url)
	if err != nil {
		return nil, nil, overIfFinal(err)
	}
	url = order.CertURL
	if order.Status == acme.StatusValid {
		chain, err = c.FetchCert(ctx, url, true)
	} else {
		chain, url, err = t.finalize(ctx, c, names, key, order)
	}
	if err != nil {
		return nil, nil, overIfFinal(err)
	}
	chain = t.chooseChain(ctx, c, cmp.Or(issuance.Chain, c.account.Chain), url, chain)
	if leaf, err = checkChain(chain, names, key); err != nil {
		return nil, nil, orderOver{err}
	}
	select {
	case <-time.After(time.Until(leaf.NotBefore)): // the one that it replaces is served until then
		return chain, leaf, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// overIfFinal wraps errors that end the order, or that another key may end, in
// orderOver.
func overIfFinal(err error) error {
	var refused *acme.AuthorizationError
	var order *acme.OrderError
	var problem *acme.Error
	if errors.As(err, &refused) || errors.As(err, &order) || errors.As(err, &problem) && slices.Contains([]string{"badCSR", "badPublicKey"}, errorType(problem)) {
		return orderOver{err}
	}
	return err
}

func (t *term) finalize(ctx context.Context, c *client, names []gatelodge.Name, key crypto.Signer, order *acme.Order) (chain [][]byte, url string, err error) {
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: texts(names)}, key)
	if err != nil {
		return nil, "", err
	}
	return c.CreateCertFromOrder(ctx, order, csr, true)
}

// checkChain returns the leaf of a chain if it is the certificate that was
// ordered and can be used: an expired one would be renewed at once, forever.
func checkChain(chain [][]byte, names []gatelodge.Name, key crypto.Signer) (*x509.Certificate, error) {
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, fmt.Errorf("the CA issued an invalid certificate: %w", err)
	}
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(leaf.PublicKey) {
		return nil, errors.New("the CA issued a certificate for another key")
	}
	switch now := time.Now(); {
	case !leaf.NotAfter.After(now):
		return nil, fmt.Errorf("the CA issued a certificate that expired at %v", leaf.NotAfter.UTC())
	case leaf.NotBefore.Sub(now) > maxClockAhead:
		return nil, fmt.Errorf("the CA issued a certificate that is not valid before %v, is the clock of this machine right?", leaf.NotBefore.UTC())
	}
	for _, name := range names {
		if !slices.Contains(leaf.DNSNames, string(name)) {
			return nil, fmt.Errorf("the CA issued a certificate for %v, without %s", leaf.DNSNames, name)
		}
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
