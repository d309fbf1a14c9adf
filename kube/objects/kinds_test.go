package objects

import (
	"reflect"
	"testing"
)

// TestEveryTableHasAKind: a field of Objects that the table of kinds lacks would
// be forgotten by all that goes by it.
func TestEveryTableHasAKind(t *testing.T) {
	var o Objects
	value := reflect.ValueOf(&o).Elem()
	fields := make(map[any]string) // by address
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if _, ok := field.Type.MethodByName("Changes"); ok && reflect.New(field.Type).Elem().MethodByName("Get").Type().In(0) == reflect.TypeFor[Key]() && field.Name != "Good" {
			fields[value.Field(i).Addr().Interface()] = field.Name
		}
	}
	if len(fields) != len(Kinds()) {
		t.Errorf("Objects has the tables %v, and there are %d kinds", fields, len(Kinds()))
	}
	for _, kind := range Kinds() {
		edit := kind.Edit(&o)
		object := kind.New()
		object.SetName("a")
		edit.Set(KeyOf(object), object)
		edit.Done()
		var filled []string
		for address, name := range fields {
			if !reflect.ValueOf(address).Elem().IsZero() {
				filled = append(filled, name)
				delete(fields, address)
			}
		}
		if len(filled) != 1 {
			t.Errorf("an object of kind %s is in %v, want one table of its own", kind.Name, filled)
		}
		if kind.Len(&o) != 1 || kind.Get(&o, KeyOf(object)) != object || kind.Get(&o, Key{Name: "b"}) != nil {
			t.Errorf("kind %s does not have the object that was put there", kind.Name)
		}
		var empty Objects
		if relists := RelistOf(&o, &empty); kind.Own == (len(relists) > 0 && relists[len(relists)-1].Lacking[object.GetUID()]) {
			t.Errorf("kind %s, own: %v: an empty list lacks %v", kind.Name, kind.Own, relists)
		}
		if o.SameAs(&empty) {
			t.Errorf("a change of kind %s is none", kind.Name)
		}
		kind.Share(&o, &empty)
		if !kind.Same(&o, &empty) {
			t.Errorf("kind %s does not share its table", kind.Name)
		}
	}
}
