package revocation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/crl"
)

// storedRevocations is the item of the Store.
type storedRevocations struct {
	item    gatelodge.Item
	list    []gatelodge.Revocation
	changed bool
}

func loadRevocations(ctx context.Context, store gatelodge.Store) (*storedRevocations, error) {
	item, err := store.Get(ctx, gatelodge.RevocationsItem)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return nil, err
	}
	list, err := gatelodge.DecodeRevocations(item.Data)
	if err != nil {
		list = nil // what can't be read is written anew
	}
	s := &storedRevocations{item: item}
	now := time.Now()
	for _, revocation := range list {
		if revocation.NotAfter.After(now) {
			s.list = append(s.list, revocation)
		}
	}
	s.changed = len(s.list) < len(list)
	return s, nil
}

// set notes whether a certificate is revoked, nil if not, and reports whether that is
// new. What was revoked stays it, but for what was on hold.
func (s *storedRevocations) set(w *watched, entry *crl.Entry) bool {
	sum := sha256.Sum256(w.leaf.Raw)
	fingerprint := hex.EncodeToString(sum[:])
	at := slices.IndexFunc(s.list, func(r gatelodge.Revocation) bool { return r.Fingerprint == fingerprint })
	switch {
	case entry == nil && at >= 0 && s.list[at].Reason == crl.Hold:
		s.list = slices.Delete(s.list, at, at+1)
	case entry == nil, at < 0 && len(s.list) >= maxRevocations:
		return false
	case at < 0:
		s.list = append(s.list, gatelodge.Revocation{Fingerprint: fingerprint, At: entry.At, Reason: entry.Reason, NotAfter: w.leaf.NotAfter})
	case s.list[at].At.Equal(entry.At) && s.list[at].Reason == entry.Reason:
		return false
	default:
		s.list[at].At, s.list[at].Reason = entry.At, entry.Reason
	}
	s.changed = true
	return true
}

func (s *storedRevocations) save(ctx context.Context, store gatelodge.Store) (err error) {
	if !s.changed {
		return nil
	}
	if s.item.Data, err = gatelodge.EncodeRevocations(s.list); err != nil {
		return err
	}
	if s.item.Version, err = store.Put(ctx, gatelodge.RevocationsItem, s.item); err == nil {
		s.changed = false
	}
	return err
}
