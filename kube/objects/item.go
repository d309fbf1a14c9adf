package objects

import (
	"context"
	"errors"
	"fmt"

	gatelodge "gatelodge.dev"
	"k8s.io/apimachinery/pkg/util/validation"
)

// CheckItemName returns an error for a name that no object, or no file, can have.
func CheckItemName(name string) error {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("item %.60q: expected a name of lower-case letters, digits, hyphens and dots", name)
	}
	return nil
}

// putItem replaces the data of an item.
func putItem(ctx context.Context, store gatelodge.Store, name string, data map[string][]byte) error {
	return Retried(func() error {
		item, err := store.Get(ctx, name)
		if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
			return err
		}
		item.Data = data
		_, err = store.Put(ctx, name, item)
		return err
	})
}

// Retried repeats an attempt to change an item while other writers are faster, a
// limited number of times.
func Retried(attempt func() error) error {
	err := attempt()
	for tries := 1; tries < 5 && errors.Is(err, gatelodge.ErrConflict); tries++ {
		err = attempt()
	}
	return err
}
