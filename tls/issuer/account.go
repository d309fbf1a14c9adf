package issuer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// client sends requests to a CA for an account.
type client struct {
	*acme.Client
	account     gatelodge.Account
	discovered  time.Time // when the CA's directory was read
	profiles    []string  // that the CA offers, sorted
	identities  []string  // by which CAA records call the CA; none: it does not say
	meta        directoryMeta
	known       gatelodge.KnownAccount // as it was stored for the zones
	announced   time.Time              // when known was last stored; zero: it was before
	keyUntil    time.Time              // when the account's key is to be changed; zero: never
	renewalInfo string                 // URL below which it says when to renew (RFC 9773 §4.1); "": it doesn't
}

// Further parts of an account's item.
const (
	accountURLPart       = "url" // "": not registered yet
	accountDirectoryPart = "directory"
	accountContactPart   = "contact"
)

// clientFor returns the client for a CA's account, which it registers if it is new.
// The key is stored before the CA sees it, so that no account is lost.
func (t *term) clientFor(ctx context.Context, a *authority) (*client, error) {
	a.registering.Lock() // concurrent attempts register once
	defer a.registering.Unlock()
	t.mu.Lock()
	c, lost := a.client, a.lost
	t.mu.Unlock()
	if c != nil && (c.keyUntil.IsZero() || time.Now().Before(c.keyUntil)) {
		return c, nil
	}
	c, err := t.register(ctx, a.account, lost)
	if err == nil {
		err = t.announce(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	a.client, a.lost = c, false
	t.mu.Unlock()
	return c, nil
}

// register returns a client for the account, which it registers if it is new, or if the
// CA has lost it.
func (t *term) register(ctx context.Context, account gatelodge.Account, lost bool) (*client, error) {
	item, key, err := t.accountKey(ctx, account)
	if err != nil {
		return nil, err
	}
	if lost {
		delete(item.Data, accountURLPart)
	}
	c := t.newClient(account, item, key)
	wanted := &acme.Account{}
	if account.Email != "" {
		wanted.Contact = []string{"mailto:" + account.Email}
	}
	if account.BindingID != "" {
		wanted.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: account.BindingID, Key: []byte(account.BindingKey)}
	}
	directory, err := c.Discover(ctx)
	if err == nil {
		c.identities, c.profiles, c.discovered = identitiesOf(directory.CAA), profilesOf(directory), time.Now()
		c.renewalInfo, c.meta, err = c.readFurther(ctx)
	}
	if err != nil {
		return nil, authorityError{fmt.Errorf("directory %s: %w", account.Directory, err)}
	}
	switch {
	case c.KID == "":
		_, err = c.Register(ctx, wanted, acme.AcceptTOS)
		if errors.Is(err, acme.ErrAccountAlreadyExists) {
			err = nil // the previous leader could not store its URL
		}
	case string(item.Data[accountContactPart]) != account.Email:
		// Package acme leaves out a list that is empty, which removes the contact (RFC 8555 §7.3.2).
		_, err = c.UpdateReg(adding(ctx, "contact", append([]string{}, wanted.Contact...)), wanted)
	default:
		return t.withFreshKey(ctx, c, item)
	}
	if err != nil {
		return nil, authorityError{err}
	}
	item.Data[accountURLPart], item.Data[accountContactPart] = []byte(c.KID), []byte(account.Email)
	if item.Version, err = t.config.Store.Put(ctx, account.Item(), item); err != nil {
		return nil, storeError{err}
	}
	t.config.Log.Info("using an ACME account", "directory", account.Directory, "account", string(c.KID))
	return t.withFreshKey(ctx, c, item)
}

// newClient returns a client that uses a key for an account.
func (t *term) newClient(account gatelodge.Account, item gatelodge.Item, key crypto.Signer) *client {
	return &client{account: account, Client: &acme.Client{
		Key: key, KID: acme.KeyID(item.Data[accountURLPart]), DirectoryURL: account.Directory,
		HTTPClient: httpClient(t.transport(account.Roots), key), UserAgent: t.config.UserAgent, RetryBackoff: retryWait,
	}}
}

// withFreshKey changes the account's key if it is old, and returns the client for it.
func (t *term) withFreshKey(ctx context.Context, c *client, item gatelodge.Item) (*client, error) {
	if keyIsOld(item, c.account, time.Now()) || len(item.Data[accountNextKeyPart]) > 0 {
		item, err := t.changeKey(ctx, c, item)
		if err != nil {
			return nil, err
		}
		key, err := decodeKey(item.Data[gatelodge.AccountKeyPart])
		if err != nil {
			return nil, err
		}
		changed := t.newClient(c.account, item, key)
		changed.identities, changed.meta, changed.profiles, changed.discovered, changed.renewalInfo = c.identities, c.meta, c.profiles, c.discovered, c.renewalInfo
		c = changed
	}
	if c.account.KeyAge > 0 {
		if made, err := time.Parse(time.RFC3339, string(item.Data[accountKeyMadePart])); err == nil {
			c.keyUntil = made.Add(c.account.KeyAge + time.Second)
			if now := time.Now(); !c.keyUntil.After(now) {
				c.keyUntil = now.Add(keyRetry)
			}
		} else {
			c.keyUntil = time.Now().Add(c.account.KeyAge)
		}
	}
	return c, nil
}

// accountKey returns an account's item and key. Without an item it makes one, with a
// key that is adopted or new.
func (t *term) accountKey(ctx context.Context, account gatelodge.Account) (gatelodge.Item, crypto.Signer, error) {
	name := account.Item()
	item, err := t.config.Store.Get(ctx, name)
	if err == nil {
		key, err := decodeKey(item.Data[gatelodge.AccountKeyPart])
		if err != nil {
			return gatelodge.Item{}, nil, storeError{fmt.Errorf("the account's key in item %s: %w", name, err)}
		}
		return item, key, nil
	}
	if !errors.Is(err, gatelodge.ErrNotFound) {
		return gatelodge.Item{}, nil, storeError{err}
	}
	key, url, err := t.adoptAccount(ctx, account)
	if err == nil && key == nil {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return gatelodge.Item{}, nil, err
	}
	text, err := encodeKey(key)
	if err != nil {
		return gatelodge.Item{}, nil, err
	}
	item = gatelodge.Item{Data: map[string][]byte{gatelodge.AccountKeyPart: text, accountDirectoryPart: []byte(account.Directory), accountKeyMadePart: []byte(time.Now().UTC().Format(time.RFC3339))}}
	if url != "" {
		item.Data[accountURLPart] = []byte(url)
	}
	if item.Version, err = t.config.Store.Put(ctx, name, item); err != nil {
		return gatelodge.Item{}, nil, storeError{err}
	}
	return item, key, nil
}
