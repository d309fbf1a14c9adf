package tls

import (
	"context"
	"errors"
	"fmt"

	"gatelodge.dev"
)

// kept is what the Store has of a name, and the version by which it is replaced.
type kept struct {
	*gatelodge.StoredIssuance
	item, version string
}

// load reads what is kept of a name.
func (t *term) load(ctx context.Context, name gatelodge.Name) (*kept, error) {
	k := &kept{StoredIssuance: &gatelodge.StoredIssuance{}, item: gatelodge.IssuanceItem(name)}
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
	k.Name = name
	return k, nil
}

// save writes it, unless somebody else did since it was read.
func (t *term) save(ctx context.Context, k *kept) error {
	parts, err := k.Encode()
	if err == nil {
		k.version, err = t.config.Store.Put(ctx, k.item, gatelodge.Item{Data: parts, Version: k.version})
	}
	if err != nil {
		return storeError{err}
	}
	return nil
}

// drop deletes what is kept of a name that nobody asks for any more.
func (t *term) drop(ctx context.Context, issuance *gatelodge.Issuance) error {
	k, err := t.load(ctx, issuance.Name)
	if err != nil || k.version == "" {
		return err
	}
	if err := t.config.Store.Delete(ctx, k.item, k.version); err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return storeError{err}
	}
	t.config.Log.Info("a certificate that nobody asks for is dropped", "name", string(issuance.Name))
	return nil
}

// tell keeps what is wrong between the CA and us, nil for nothing.
func (t *term) tell(ctx context.Context, failure *gatelodge.Failure) error {
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
	_, err = t.config.Store.Put(ctx, gatelodge.AuthorityItem, item)
	return err
}
