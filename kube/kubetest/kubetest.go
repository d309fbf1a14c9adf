package kubetest

import (
	"os"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
)

// Manifests reads YAML as a folder would.
func Manifests(text string) objects.Objects {
	set := manifests.NewObjectSet()
	set.AddManifest(manifests.ReadManifest("test.yaml", []byte(text), nil))
	set.Objects.Now = Now
	return set.Objects
}

// Write writes a file.
func Write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Must fails the test if there is an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Now is the present of every test that does not say otherwise.
var Now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// Namespaced reads NAMESPACE/NAME.
func Namespaced(text string) objects.Key {
	namespace, name, _ := strings.Cut(text, "/")
	return objects.Key{Namespace: namespace, Name: name}
}

// Day returns the start, in UTC, of a day YYYY-MM-DD.
func Day(t *testing.T, text string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Problems lists the problems of a Snapshot.
func Problems(s *gatelodge.Snapshot) (list []gatelodge.Problem) {
	for p := range s.Problems.All() {
		list = append(list, p)
	}
	return list
}
