package issuer

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// What other ACME clients issued and registered is taken over rather than made anew: a
// certificate that is valid needs no order, and an account has its history with the CA.

// keepAdopted stores the certificates that were found where other programs keep them,
// so that they are renewed as if they had been ordered here, and are not lost with
// those programs. It returns when to call it again at the latest.
func (t *term) keepAdopted(ctx context.Context, issuances gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance], again time.Time) time.Time {
	for key, change := range issuances.Changes(t.keptOf) {
		if change.After == nil || !change.After.Adopted || t.isBusy(key) {
			continue // what an attempt stores is newer
		}
		if err := t.keep(ctx, change.After); err != nil {
			if ctx.Err() == nil {
				t.config.Log.Warn("can't keep a certificate that was adopted yet", "name", string(key.Name), "error", err)
			}
			return earliest(again, time.Now().Add(authorityWait))
		}
	}
	t.keptOf = issuances
	return again
}

func (t *term) keep(ctx context.Context, i *gatelodge.Issuance) error {
	k, err := t.load(ctx, i.Key())
	if err != nil {
		return err
	}
	c := i.Certificate
	if k.hasNewer(c) {
		return nil // the Snapshot does not include it yet
	}
	key, ok := c.KeyPair.PrivateKey.(crypto.Signer)
	if !ok {
		return errors.New("its key can't sign")
	}
	if k.Key, err = encodeKey(key); err != nil {
		return err
	}
	k.StoredIssuance = &gatelodge.StoredIssuance{Name: k.Name, Second: k.Second, Chain: encodeChain(c.KeyPair.Certificate), Key: k.Key}
	if err := t.save(ctx, k); err != nil {
		return err
	}
	t.config.Log.Info("adopted a certificate", "name", string(i.Name), "from", c.Object.Name, "until", c.NotAfter.UTC())
	return nil
}

// hasNewer reports whether the item holds a certificate that is not older than c.
func (k *issuanceItem) hasNewer(c *gatelodge.Certificate) bool {
	leaf := leafOf(k.Chain)
	return leaf != nil && !leaf.NotBefore.Before(c.NotBefore)
}

func (t *term) isBusy(key gatelodge.IssuanceKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	state := t.names[key]
	return state != nil && (state.turn != nil || state.info.held)
}

// adoptAccount returns the key of an account that another program has registered, and
// its URL, which the CA finds by the key (RFC 8555 §7.3.1). The key is nil if there is
// no such account, or none that can be used.
func (t *term) adoptAccount(ctx context.Context, account gatelodge.Account) (key crypto.Signer, url string, err error) {
	if account.AdoptedKey == "" {
		return nil, "", nil
	}
	if key, err = decodeKey([]byte(account.AdoptedKey)); err != nil {
		return nil, "", err
	}
	found, err := t.newClient(account, gatelodge.Item{}, key).GetReg(ctx, "")
	var problem *acme.Error
	reason := "the CA has no account with this key"
	switch {
	case err == nil && found.Status == acme.StatusValid:
		t.config.Log.Info("adopted an ACME account", "directory", account.Directory, "account", found.URI)
		return key, found.URI, nil
	case err == nil:
		reason = "the account is " + found.Status
	case errors.As(err, &problem) && (problem.StatusCode == http.StatusUnauthorized || problem.StatusCode == http.StatusForbidden):
		reason = messageOf(err)
	case !errors.Is(err, acme.ErrNoAccount):
		return nil, "", authorityError{err}
	}
	t.config.Log.Warn("an ACME account can't be adopted, so another is registered", "directory", account.Directory, "reason", reason)
	return nil, "", nil
}
