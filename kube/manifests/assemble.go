package manifests

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// ObjectSet combines the objects of files. Of two with one kind and name the first is
// used, by the names of their files and the places in them. A change in a file costs
// only what that file contains.
type ObjectSet struct {
	Objects objects.Objects

	files      map[string][]*Item               // the objects of each
	problems   map[string][]gatelodge.Problem   // problems in files, if any
	items      map[itemName][]*Item             // in the order of their places
	duplicates map[itemName][]gatelodge.Problem // of the items that are not used
}

// fileContent contains the objects and the problems of a file.
type fileContent struct {
	items    []*Item
	problems []gatelodge.Problem
}

type itemName struct {
	kind *objects.Kind
	key  objects.Key
}

// NewObjectSet returns a set without objects.
func NewObjectSet() *ObjectSet {
	return &ObjectSet{
		files: make(map[string][]*Item), problems: make(map[string][]gatelodge.Problem),
		items: make(map[itemName][]*Item), duplicates: make(map[itemName][]gatelodge.Problem),
	}
}

// AddManifest adds the objects and the problems of a file.
func (s *ObjectSet) AddManifest(m *manifest) { s.put(m.file, m.content()) }

// Add adds an object.
func (s *ObjectSet) Add(it *Item) { s.replace(nil, []*Item{it}) }

// put replaces the content of a file.
func (s *ObjectSet) put(file string, content fileContent) {
	s.replace(s.files[file], content.items)
	if s.files[file] = content.items; len(content.items) == 0 {
		delete(s.files, file)
	}
	if s.problems[file] = content.problems; len(content.problems) == 0 {
		delete(s.problems, file)
	}
	s.collectProblems()
}

// replace removes items and adds others.
func (s *ObjectSet) replace(gone, fresh []*Item) {
	names := make(map[itemName]bool)
	for _, it := range gone {
		name := it.name()
		names[name] = true
		s.items[name] = slices.DeleteFunc(s.items[name], func(other *Item) bool { return other == it })
	}
	for _, it := range fresh {
		name := it.name()
		names[name] = true
		at, _ := slices.BinarySearchFunc(s.items[name], it, (*Item).compare)
		s.items[name] = slices.Insert(s.items[name], at, it)
	}
	edits := make(map[*objects.Kind]objects.Edit)
	origins := s.Objects.Origins.Edit()
	for name := range names {
		if edits[name.kind] == nil {
			edits[name.kind] = name.kind.Edit(&s.Objects)
		}
		s.choose(name, edits[name.kind], origins)
	}
	for _, edit := range edits {
		edit.Done()
	}
	s.Objects.Origins = origins.Map()
}

// choose adds the first of the items of a name to the objects.
func (s *ObjectSet) choose(name itemName, edit objects.Edit, origins *gatelodge.MapEdit[objects.UID, objects.Origin]) {
	if before := edit.Get(name.key); before != nil {
		origins.Set(objects.UID(before.GetUID()), objects.Origin{})
	}
	delete(s.duplicates, name)
	items := s.items[name]
	if len(items) == 0 {
		delete(s.items, name)
		edit.Set(name.key, nil)
		return
	}
	first := items[0]
	edit.Set(name.key, first.Object)
	origins.Set(objects.UID(first.Object.GetUID()), first.origin)
	for _, other := range items[1:] {
		s.duplicates[name] = append(s.duplicates[name], gatelodge.Problem{
			Object:  itemObject(other.Kind, other.Object, other.origin),
			Reason:  gatelodge.BadManifest,
			Message: fmt.Sprintf("%s of this name is already in %s:%d, which is used", name.kind.Name, first.origin.File, first.origin.Line),
		})
	}
}

// collectProblems lists the problems of all files. It returns the same list if nothing
// changed, by which Build knows that.
func (s *ObjectSet) collectProblems() {
	var problems []gatelodge.Problem
	for _, list := range s.problems {
		problems = append(problems, list...)
	}
	for _, list := range s.duplicates {
		problems = append(problems, list...)
	}
	slices.SortFunc(problems, gatelodge.Problem.Compare)
	if !slices.Equal(problems, s.Objects.Problems) {
		s.Objects.Problems = problems
	}
}

// Item is an object of a kind that a Snapshot is built from.
type Item struct {
	Kind   *objects.Kind
	Object metav1.Object
	origin objects.Origin
	index  int // among the items of its document
}

func (it *Item) name() itemName { return itemName{it.Kind, objects.KeyOf(it.Object)} }

// compare orders items by their places.
func (it *Item) compare(other *Item) int {
	return cmp.Or(
		strings.Compare(it.origin.File, other.origin.File),
		cmp.Compare(it.origin.Line, other.origin.Line),
		cmp.Compare(it.index, other.index),
	)
}

// itemObject names an object that was read from a file.
func itemObject(kind *objects.Kind, object metav1.Object, origin objects.Origin) gatelodge.Object {
	return gatelodge.Object{
		Kind: kind.Name, Namespace: object.GetNamespace(), Name: object.GetName(), UID: string(object.GetUID()),
		File: origin.File, Line: origin.Line,
	}
}
