package state

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// StoredSource is a Source that adds to another one's Objects the served items of a
// FolderStore. It is for a gateway without a cluster; Watch gets them from the API
// server.
type StoredSource struct {
	source objects.Source
	store  *FolderStore
	log    *slog.Logger

	complete atomic.Bool // the source is

	mu    sync.Mutex
	items objects.Table[*corev1.Secret]
}

// NewStoredSource returns source with the items of store.
func NewStoredSource(source objects.Source, store *FolderStore, log *slog.Logger) *StoredSource {
	return &StoredSource{source: source, store: store, log: log}
}

// Objects returns the objects of the source, with the items.
func (s *StoredSource) Objects() objects.Objects {
	objs := s.source.Objects()
	s.mu.Lock()
	defer s.mu.Unlock()
	objs.Stored = s.items
	return objs
}

// Run runs the source and follows the store until ctx ends. Existing items are read
// first, so that no host starts without its certificate.
func (s *StoredSource) Run(ctx context.Context, dirty func()) error {
	kept, err := s.store.names("")
	if err != nil {
		return fmt.Errorf("reading what is kept: %w", err)
	}
	for _, item := range kept {
		s.take(ctx, item)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return s.source.Run(ctx, func() {
			s.complete.Store(true)
			dirty()
		})
	})
	group.Go(func() error {
		err := s.store.Watch(ctx, "", func(item string) {
			if s.take(ctx, item) && s.complete.Load() {
				dirty()
			}
		})
		if err != nil {
			return fmt.Errorf("following what is kept: %w", err)
		}
		return nil
	})
	return group.Wait()
}

// take reads an item, and reports whether it changed what is served.
func (s *StoredSource) take(ctx context.Context, item string) (news bool) {
	if !gatelodge.IsServedItem(item) {
		return false
	}
	if err := s.read(ctx, item); err != nil {
		s.log.Error("a stored item can't be served", "item", item, "error", err)
		return false
	}
	return true
}

func (s *StoredSource) read(ctx context.Context, item string) error {
	kept, err := s.store.Get(ctx, item)
	gone := errors.Is(err, gatelodge.ErrNotFound)
	if err != nil && !gone {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if gone {
		s.items = s.items.Without(objects.Key{Name: item})
		return nil
	}
	if before := s.items.Get(objects.Key{Name: item}); before != nil && before.ResourceVersion == kept.Version {
		return nil
	}
	s.items = s.items.With(objects.Key{Name: item}, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: item, UID: types.UID("stored " + item), ResourceVersion: kept.Version},
		Data:       kept.Data,
	})
	return nil
}
