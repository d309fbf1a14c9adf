package gatelodge

import (
	"context"
	"errors"
)

// Errors of a Store.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("changed by another writer")
)

// Item is the content that a Store holds under one name.
type Item struct {
	Data    map[string][]byte // parts, by name
	Version string            // changes with the content; "": the item does not exist yet
}

// Store keeps what must outlive a process or be shared by replicas: challenges,
// issued certificates, session ticket keys, zone serials. Names are relative to the
// gateway's instance.
type Store interface {
	// Get returns the item, or an error that wraps ErrNotFound.
	Get(ctx context.Context, name string) (Item, error)
	// Put writes the item if the stored one still has item.Version, and returns the
	// new version; otherwise it returns ErrConflict.
	Put(ctx context.Context, name string, item Item) (version string, err error)
	// Delete removes the item if the stored one still has this version; otherwise it returns ErrConflict.
	Delete(ctx context.Context, name, version string) error
	// Watch calls changed with the name of each item that starts with prefix, and
	// again after each change or deletion, until ctx ends.
	Watch(ctx context.Context, prefix string, changed func(name string)) error
}

// Leading runs work that only one replica at a time may do.
type Leading interface {
	// Lead calls run each time this replica becomes the leader, with a context that
	// ends when it loses leadership. Lead returns when ctx ends.
	Lead(ctx context.Context, run func(ctx context.Context)) error
}
