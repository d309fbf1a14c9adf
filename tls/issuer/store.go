package issuer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatelodge.dev"
)

// issuanceItem is what the Store holds for a certificate, with the version to replace.
type issuanceItem struct {
	*gatelodge.StoredIssuance
	item, version string
}

// load reads the item of a certificate, empty if there is none.
func (t *term) load(ctx context.Context, key gatelodge.IssuanceKey) (*issuanceItem, error) {
	k := &issuanceItem{StoredIssuance: &gatelodge.StoredIssuance{}, item: key.Item()}
	item, err := t.config.Store.Get(ctx, k.item)
	switch {
	case errors.Is(err, gatelodge.ErrNotFound):
	case err != nil:
		return nil, storeError{err}
	default:
		if k.StoredIssuance, err = gatelodge.DecodeIssuance(item.Data); err != nil {
			return nil, storeError{fmt.Errorf("item %s: %w", k.item, err)}
		}
		k.version = item.Version
	}
	k.Name, k.Second = key.Name, key.Second
	return k, nil
}

// save writes an item, unless it has changed since it was read.
func (t *term) save(ctx context.Context, k *issuanceItem) error {
	parts, err := k.Encode()
	if err == nil {
		k.version, err = t.config.Store.Put(ctx, k.item, gatelodge.Item{Data: parts, Version: k.version})
	}
	if err != nil {
		return storeError{err}
	}
	return nil
}

// saveOrder writes an item with an order that was placed. It tries until ctx ends,
// because the CA has counted the order, unless the stored order is not what it was
// before: then another leader has begun one.
func (t *term) saveOrder(ctx context.Context, k *issuanceItem, before []byte) error {
	for {
		err := t.save(ctx, k)
		if err == nil || ctx.Err() != nil {
			return err
		}
		t.config.Log.Warn("can't store an order yet", "name", string(k.Name), "error", err)
		select {
		case <-time.After(authorityWait):
		case <-ctx.Done():
			return err
		}
		switch stored, loadErr := t.load(ctx, k.IssuanceKey()); {
		case loadErr != nil:
		case bytes.Equal(stored.Order, k.Order): // only the answer was lost
			k.version = stored.version
			return nil
		case !bytes.Equal(stored.Order, before):
			return err
		default:
			k.version = stored.version
		}
	}
}

// drop deletes the item of a certificate that is no longer requested.
func (t *term) drop(ctx context.Context, issuance *gatelodge.Issuance) error {
	k, err := t.load(ctx, issuance.Key())
	if err != nil || k.version == "" {
		return err
	}
	if err := t.config.Store.Delete(ctx, k.item, k.version); err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return storeError{err}
	}
	t.config.Log.Info("dropped a certificate that is no longer requested", "name", string(issuance.Name))
	return nil
}

// saveAuthorityProblem stores why no certificate can be ordered, or with nil
// that they can be.
func (t *term) saveAuthorityProblem(ctx context.Context, failure *gatelodge.Failure) error {
	item, err := t.config.Store.Get(ctx, gatelodge.AuthorityItem)
	if errors.Is(err, gatelodge.ErrNotFound) {
		err = nil
	}
	if err != nil || failure == nil && item.Version == "" {
		return err
	}
	if failure == nil {
		err = t.config.Store.Delete(ctx, gatelodge.AuthorityItem, item.Version)
		if errors.Is(err, gatelodge.ErrNotFound) {
			return nil
		}
		return err
	}
	if item.Data, err = (&gatelodge.StoredIssuance{Failure: failure}).Encode(); err != nil {
		return err
	}
	if item.Data[sincePart], err = json.Marshal(t.failingSince()); err != nil {
		return err
	}
	_, err = t.config.Store.Put(ctx, gatelodge.AuthorityItem, item)
	return err
}

// sincePart of that item is since when each CA fails, by the items of their accounts, so
// that the patience of a leader does not begin anew with the next.
const sincePart = "since"

func (t *term) failingSince() map[string]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := make(map[string]time.Time)
	for _, a := range t.authorities {
		if !a.since.IsZero() {
			since[a.account.Item()] = a.since
		}
	}
	return since
}

// loadFailing returns what the leader before stored as failingSince.
func (t *term) loadFailing(ctx context.Context) (since map[string]time.Time, err error) {
	item, err := t.config.Store.Get(ctx, gatelodge.AuthorityItem)
	switch {
	case errors.Is(err, gatelodge.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	_ = json.Unmarshal(item.Data[sincePart], &since) // nil or in part if it is damaged: the CAs fail since now
	return since, nil
}
