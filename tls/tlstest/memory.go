// Package tlstest is what the tests of several rooms of tls need: a Store, without
// what one in a cluster or a folder takes.
package tlstest

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"gatelodge.dev"
)

// Memory is a Store in memory. Its Watch reports nothing: a test that follows what is
// stored sees each Put itself.
type Memory struct {
	mu    sync.Mutex
	items map[string]gatelodge.Item
	last  int
}

// NewMemory returns an empty Store.
func NewMemory() *Memory { return &Memory{items: make(map[string]gatelodge.Item)} }

// Get implements gatelodge.Store.
func (m *Memory) Get(_ context.Context, name string) (gatelodge.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.items[name]
	if !ok {
		return gatelodge.Item{}, gatelodge.ErrNotFound
	}
	return gatelodge.Item{Data: maps.Clone(item.Data), Version: item.Version}, nil
}

// Put implements gatelodge.Store.
func (m *Memory) Put(_ context.Context, name string, item gatelodge.Item) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.items[name].Version != item.Version {
		return "", gatelodge.ErrConflict
	}
	m.last++
	m.items[name] = gatelodge.Item{Data: item.Data, Version: fmt.Sprint("v", m.last)}
	return m.items[name].Version, nil
}

// Delete implements gatelodge.Store.
func (m *Memory) Delete(_ context.Context, name, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.items[name].Version != version {
		return gatelodge.ErrConflict
	}
	delete(m.items, name)
	return nil
}

// Watch implements gatelodge.Store.
func (m *Memory) Watch(ctx context.Context, _ string, _ func(string)) error {
	<-ctx.Done()
	return nil
}
