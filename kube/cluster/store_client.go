package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// typedClient is the common interface of client-go's clients of Secrets and ConfigMaps.
type typedClient[T metav1.Object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
	Update(ctx context.Context, object T, options metav1.UpdateOptions) (T, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
}

// objectClient reads and writes one object. The API server's answer replaces the
// object.
type objectClient[T metav1.Object] struct {
	client typedClient[T]
	object T
}

func newObjectClient[T metav1.Object](client typedClient[T], object T) objectClient[T] {
	return objectClient[T]{client, object}
}

func (c *objectClient[T]) take(object T, err error) error {
	if err == nil {
		c.object = object
	}
	return err
}

func (c *objectClient[T]) get(ctx context.Context) error {
	return c.take(c.client.Get(ctx, c.object.GetName(), metav1.GetOptions{}))
}

func (c *objectClient[T]) create(ctx context.Context) error {
	return c.take(c.client.Create(ctx, c.object, metav1.CreateOptions{}))
}

func (c *objectClient[T]) update(ctx context.Context) error {
	return c.take(c.client.Update(ctx, c.object, metav1.UpdateOptions{}))
}

func (c *objectClient[T]) remove(ctx context.Context, options metav1.DeleteOptions) error {
	return c.client.Delete(ctx, c.object.GetName(), options)
}
