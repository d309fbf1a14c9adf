package manifests

import (
	"encoding/json"
	"testing"

	"gatelodge.dev/kube/objects"
)

// TestEveryKindIsRead of a manifest, but for what the gateway itself writes.
func TestEveryKindIsRead(t *testing.T) {
	for _, kind := range objects.Kinds() {
		object := kind.New()
		object.SetNamespace("shop")
		object.SetName("a")
		text, err := json.Marshal(object)
		must(t, err)
		var fields map[string]any
		must(t, json.Unmarshal(text, &fields))
		fields["apiVersion"], fields["kind"] = kind.APIVersion, kind.Name
		text, err = json.Marshal(fields)
		must(t, err)
		set := NewObjectSet()
		set.AddManifest(ReadManifest("a.yaml", text, nil))
		key := objects.Key{Name: "a"}
		if kind.Namespaced {
			key.Namespace = "shop"
		}
		if got := kind.Get(&set.Objects, key); (got == nil) != kind.Own || len(set.Objects.Problems) > 0 {
			t.Errorf("kind %s: read %v, with problems %v", kind.Name, got, set.Objects.Problems)
		}
	}
}

// TestAFileAtATime: what becomes of a file is what reading all files anew gives.
func TestAFileAtATime(t *testing.T) {
	texts := map[string][]string{
		"a.yaml": {ingressText("a.test"), ingressText("a.test") + "---\n" + ingressText("b.test"), "", "kind: [\n"},
		"b.yaml": {ingressText("b.test"), "# more\n" + ingressText("b.test") + "---\n" + ingressText("a.test"), ingressText("c.test")},
		"c.yaml": {"", ingressText("a.test") + "---\n" + ingressText("a.test") + "---\n" + ingressText("c.test")},
	}
	set := NewObjectSet()
	now := make(map[string]*manifest)
	for step := range 200 {
		for i, file := range []string{"a.yaml", "b.yaml", "c.yaml"} {
			if step%(i+2) == 0 {
				list := texts[file]
				now[file] = ReadManifest(file, []byte(list[step/(i+2)%len(list)]), now[file])
				set.AddManifest(now[file])
			}
		}
		whole := NewObjectSet()
		for _, file := range sortedKeys(now) {
			whole.AddManifest(now[file])
		}
		if got, want := describe(&set.Objects), describe(&whole.Objects); got != want {
			t.Fatalf("step %d: file by file\n%s\nall anew\n%s", step, got, want)
		}
	}
}

func describe(o *objects.Objects) string {
	text := ""
	for key, in := range o.Ingresses.All() {
		text += key.String() + " " + o.ObjectOf("Ingress", &in.ObjectMeta).String() + " " + string(in.UID) + "\n"
	}
	for uid, origin := range o.Origins.All() {
		text += string(uid) + " " + origin.File + "\n"
	}
	for _, p := range o.Problems {
		text += p.String() + "\n"
	}
	return text
}
