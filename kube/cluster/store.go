package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Store is a gatelodge.Store of Secrets and ConfigMaps in the gateway's namespace,
// named NAME-ITEM. Items without secrets, by isPublic, are ConfigMaps, all others
// Secrets. A version is the resourceVersion.
type Store struct{ cluster *Cluster }

// Store returns the store of this gateway's instance.
func (c *Cluster) Store() *Store { return &Store{c} }

// itemRole labels the objects of the store.
const itemRole = "item"

// itemLabels selects the objects of the store.
func (c *Cluster) itemLabels() string {
	return instanceLabel + "=" + c.Cfg.Name + "," + roleLabel + "=" + itemRole
}

// isPublic reports by the name whether an item contains nothing secret: the guard's
// record, the owners of names, withdrawn addresses, and the serials of zones.
func isPublic(name string) bool {
	return name == objects.GuardItem || name == objects.ClaimsItem || name == objects.LeavingItem || strings.HasPrefix(name, "zone-")
}

// Get implements gatelodge.Store.
func (s *Store) Get(ctx context.Context, name string) (gatelodge.Item, error) {
	box, err := s.box(name)
	if err != nil {
		return gatelodge.Item{}, err
	}
	err = box.get(ctx)
	if err == nil {
		err = s.isOurs(box.meta())
	}
	if err != nil {
		return gatelodge.Item{}, s.wrap("get", name, err)
	}
	return gatelodge.Item{Data: box.data(), Version: box.meta().ResourceVersion}, nil
}

// Put implements gatelodge.Store.
func (s *Store) Put(ctx context.Context, name string, item gatelodge.Item) (version string, err error) {
	box, err := s.box(name)
	if err != nil {
		return "", err
	}
	if item.Version == "" {
		box.setData(item.Data)
		err = box.create(ctx)
	} else {
		err = s.update(ctx, box, item)
	}
	if err != nil {
		return "", s.wrap("put", name, err)
	}
	return box.meta().ResourceVersion, nil
}

// update replaces the data of an item, and keeps what others wrote into its metadata,
// such as the confirmation of a withdrawal.
func (s *Store) update(ctx context.Context, box box, item gatelodge.Item) error {
	err := box.get(ctx)
	if err == nil {
		err = s.isOurs(box.meta())
	}
	if err == nil && box.meta().ResourceVersion != item.Version {
		err = gatelodge.ErrConflict
	}
	if err == nil {
		box.setData(item.Data)
		err = box.update(ctx)
	}
	if apierrors.IsNotFound(err) {
		return gatelodge.ErrConflict // a deletion is a change, too
	}
	return err
}

// annotate sets an annotation of an item, which is created if it does not exist.
func (s *Store) annotate(ctx context.Context, name, key, value string) error {
	box, err := s.box(name)
	if err != nil {
		return err
	}
	write := box.update
	switch err = box.get(ctx); {
	case apierrors.IsNotFound(err):
		write = box.create
	case err == nil:
		err = s.isOurs(box.meta())
	}
	if err == nil || apierrors.IsNotFound(err) {
		metav1.SetMetaDataAnnotation(box.meta(), key, value)
		err = write(ctx)
	}
	if err != nil {
		return s.wrap("annotate", name, err)
	}
	return nil
}

// Delete implements gatelodge.Store.
func (s *Store) Delete(ctx context.Context, name, version string) error {
	box, err := s.box(name)
	if err != nil {
		return err
	}
	err = box.remove(ctx, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: &version}})
	if err != nil {
		return s.wrap("delete", name, err)
	}
	return nil
}

var errNotOurs = errors.New("the object is not this gateway's")

// isOurs distinguishes two instances if the name of one begins with the other's: the
// item "x" of "a-b" has the same object name as the item "b-x" of "a".
func (s *Store) isOurs(meta *metav1.ObjectMeta) error {
	if owner := meta.Labels[instanceLabel]; owner != s.cluster.Cfg.Name {
		return fmt.Errorf("%w: its label %s is %q, expected %q", errNotOurs, instanceLabel, owner, s.cluster.Cfg.Name)
	}
	return nil
}

// wrap adds what failed, with an error of the store if there is one.
func (s *Store) wrap(verb, name string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		err = gatelodge.ErrNotFound
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), errors.Is(err, gatelodge.ErrConflict):
		err = gatelodge.ErrConflict
	}
	return fmt.Errorf("%s item %s-%s in namespace %s: %w", verb, s.cluster.Cfg.Name, name, s.cluster.Cfg.Namespace, err)
}

// box is the object that an item is kept in.
type box interface {
	meta() *metav1.ObjectMeta
	data() map[string][]byte
	setData(map[string][]byte)

	get(ctx context.Context) error
	create(ctx context.Context) error
	update(ctx context.Context) error
	remove(ctx context.Context, options metav1.DeleteOptions) error
}

func (s *Store) box(name string) (box, error) {
	if err := objects.CheckItemName(name); err != nil {
		return nil, err
	}
	c := s.cluster
	meta := c.meta(name, itemRole)
	if isPublic(name) {
		return &configMapBox{newObjectClient(c.Client.CoreV1().ConfigMaps(c.Cfg.Namespace), &corev1.ConfigMap{ObjectMeta: meta})}, nil
	}
	return &secretBox{newObjectClient(c.Client.CoreV1().Secrets(c.Cfg.Namespace), &corev1.Secret{ObjectMeta: meta})}, nil
}

type secretBox struct{ objectClient[*corev1.Secret] }

func (b *secretBox) meta() *metav1.ObjectMeta { return &b.object.ObjectMeta }

func (b *secretBox) data() map[string][]byte { return b.object.Data }

func (b *secretBox) setData(parts map[string][]byte) { b.object.Data = parts }

type configMapBox struct {
	objectClient[*corev1.ConfigMap]
}

func (b *configMapBox) meta() *metav1.ObjectMeta { return &b.object.ObjectMeta }

func (b *configMapBox) data() map[string][]byte {
	parts := maps.Clone(b.object.BinaryData)
	if parts == nil {
		parts = make(map[string][]byte, len(b.object.Data))
	}
	for key, text := range b.object.Data {
		parts[key] = []byte(text)
	}
	return parts
}

// setData stores text as text, so that people can read it.
func (b *configMapBox) setData(parts map[string][]byte) {
	b.object.Data, b.object.BinaryData = make(map[string]string), make(map[string][]byte)
	for key, part := range parts {
		if utf8.Valid(part) {
			b.object.Data[key] = string(part)
		} else {
			b.object.BinaryData[key] = part
		}
	}
}
