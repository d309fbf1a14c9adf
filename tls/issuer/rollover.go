package issuer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// Parts of an account's item that say how its key changes (RFC 8555 §7.3.5).
const (
	accountKeyMadePart = "made" // RFC 3339; "": before it was kept
	accountNextKeyPart = "next" // PEM; "": the key is not being changed
)

// keyRetry is the wait after a CA refused to change an account's key.
const keyRetry = 24 * time.Hour

// keyIsOld reports whether the key of an account is to be changed.
func keyIsOld(item gatelodge.Item, account gatelodge.Account, now time.Time) bool {
	made, err := time.Parse(time.RFC3339, string(item.Data[accountKeyMadePart]))
	return account.KeyAge > 0 && (err != nil || now.Sub(made) > account.KeyAge)
}

// changeKey gives an account another key and returns the item with it. The next key is
// stored before the CA knows it: if the CA's answer is lost, the next attempt asks the
// CA which of the two is the account's. If the CA refuses, as step-ca and Vault do, which
// can't change keys, the account keeps the one that it has.
func (t *term) changeKey(ctx context.Context, c *client, item gatelodge.Item) (gatelodge.Item, error) {
	next, changed, err := t.nextKey(ctx, c, item)
	if err != nil {
		return item, err
	}
	if next == nil {
		if next, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return item, err
		}
		text, err := encodeKey(next)
		if err != nil {
			return item, err
		}
		item.Data[accountNextKeyPart] = text
		if item.Version, err = t.config.Store.Put(ctx, c.account.Item(), item); err != nil {
			return item, storeError{err}
		}
	}
	if !changed {
		err := c.AccountKeyRollover(ctx, next)
		var refused *acme.Error
		switch {
		case errors.As(err, &refused):
			t.config.Log.Warn("the CA does not change the key of an ACME account, so that keeps its key",
				"directory", c.account.Directory, "account", string(c.KID), "reason", messageOf(err))
			return item, nil
		case err != nil:
			return item, authorityError{err}
		}
	}
	item.Data[gatelodge.AccountKeyPart] = item.Data[accountNextKeyPart]
	item.Data[accountKeyMadePart] = []byte(time.Now().UTC().Format(time.RFC3339))
	delete(item.Data, accountNextKeyPart)
	if item.Version, err = t.config.Store.Put(ctx, c.account.Item(), item); err != nil {
		return item, storeError{err}
	}
	t.config.Log.Info("the key of an ACME account was changed", "directory", c.account.Directory, "account", string(c.KID))
	return item, nil
}

// nextKey returns the key that an account was being given when the previous attempt
// ended, nil for none, and whether the account has it already.
func (t *term) nextKey(ctx context.Context, c *client, item gatelodge.Item) (next crypto.Signer, changed bool, err error) {
	if len(item.Data[accountNextKeyPart]) == 0 {
		return nil, false, nil
	}
	if next, err = decodeKey(item.Data[accountNextKeyPart]); err != nil {
		return nil, false, nil // it was never of use
	}
	asking := &acme.Client{Key: next, DirectoryURL: c.DirectoryURL, HTTPClient: c.HTTPClient, UserAgent: c.UserAgent, RetryBackoff: retryWait}
	account, err := asking.GetReg(ctx, "") // by its key alone (RFC 8555 §7.3.1)
	switch {
	case err == nil:
		return next, account.URI == string(c.KID), nil
	case err == acme.ErrNoAccount:
		return next, false, nil
	}
	return nil, false, authorityError{err}
}
