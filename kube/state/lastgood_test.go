package state

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
)

// stubSource is complete when told, and knows what it is told.
type stubSource struct {
	complete chan objects.Objects
	objects  atomic.Pointer[objects.Objects]
}

func (s *stubSource) Run(ctx context.Context, dirty func()) error {
	for {
		select {
		case objs := <-s.complete:
			s.objects.Store(&objs)
			dirty()
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *stubSource) Objects() objects.Objects { return *s.objects.Load() }

// example is some objects of every kind.
func exampleObjects(t *testing.T) objects.Objects {
	t.Helper()
	objs, err := manifests.ReadPaths([]string{"../../deploy/example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	objs.Namespaces = objects.WithObjects(objs.Namespaces, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "limited", UID: "limited", ResourceVersion: "1", Annotations: map[string]string{annotations.DomainsAnnotation: "example.com"},
	}})
	objs.ConfigMaps = objects.WithObjects(objs.ConfigMaps, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: "defaults", UID: "defaults", ResourceVersion: "1"},
		Data:       map[string]string{"ssl-redirect": "false"},
	})
	objs.DNSEndpoints = objects.WithObjects(objs.DNSEndpoints, &objects.DNSEndpoint{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "records", UID: "records", ResourceVersion: "1"},
		Spec:       objects.DNSEndpointSpec{Endpoints: []objects.Endpoint{{DNSName: "a.example.com", RecordType: "TXT", RecordTTL: 30, Targets: []string{"text"}}}},
	})
	kubetest.AddStored(t, &objs, "failed www.example.net no address")
	objs.Problems, objs.Origins = nil, objects.Origins{}
	return objs
}

// runLastGood runs a source with the memory in dir for a while of made-up time.
func runLastGood(t *testing.T, dir string, source *stubSource, during func(l *LastGood, dirty *atomic.Int32)) {
	t.Helper()
	l, err := NewLastGood(source, dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	var dirty atomic.Int32
	go func() { ended <- l.Run(ctx, func() { dirty.Add(1) }) }()
	during(l, &dirty)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestLastGoodObjectsOutliveTheProcess(t *testing.T) {
	want := exampleObjects(t)
	dir := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		runLastGood(t, dir, &stubSource{complete: make(chan objects.Objects)}, func(l *LastGood, dirty *atomic.Int32) {
			time.Sleep(time.Hour)
			if synctest.Wait(); dirty.Load() != 0 {
				t.Error("nothing was known, and it is served")
			}
		})
		source := &stubSource{complete: make(chan objects.Objects)}
		runLastGood(t, dir, source, func(l *LastGood, dirty *atomic.Int32) {
			source.complete <- want
			synctest.Wait()
			if got := l.Objects(); dirty.Load() != 1 || !got.SameAs(&want) {
				t.Error("what the source knows is not handed out")
			}
			l.Served(want)
			synctest.Wait()
		})
	})
	info, err := os.Stat(filepath.Join(dir, lastGoodFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file with keys in it: %v %v", info, err)
	}
	synctest.Test(t, func(t *testing.T) {
		source := &stubSource{complete: make(chan objects.Objects)}
		runLastGood(t, dir, source, func(l *LastGood, dirty *atomic.Int32) {
			time.Sleep(patience / 2)
			if synctest.Wait(); dirty.Load() != 0 {
				t.Error("the source had no time to be complete")
			}
			time.Sleep(patience)
			synctest.Wait()
			got := l.Objects()
			if dirty.Load() != 1 || got.Remembered.IsZero() || len(got.Problems) != 1 || !strings.Contains(got.Problems[0].Message, "objects of") {
				t.Errorf("dirty %d times, objects of %v with problems %v", dirty.Load(), got.Remembered, got.Problems)
			}
			if got.Namespaces.Len() != want.Namespaces.Len() {
				t.Errorf("%d Namespaces are remembered, want %d", got.Namespaces.Len(), want.Namespaces.Len())
			}
			before, after := new(compile.Builder).Build(want, &objects.Config{}), new(compile.Builder).Build(got, &objects.Config{})
			after.Problems = before.Problems
			if before.String() != after.String() {
				t.Errorf("remembered\n%swant\n%s", after, before)
			}
			source.complete <- want
			if synctest.Wait(); dirty.Load() != 2 || !l.Objects().Remembered.IsZero() {
				t.Error("what is remembered is served though the source is complete")
			}
		})
	})
}

// TestOnlyWhatIsServedIsKept: what the Guard withholds is not what the source
// has.
func TestOnlyWhatIsServedIsKept(t *testing.T) {
	want := exampleObjects(t)
	dir := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		source := &stubSource{complete: make(chan objects.Objects)}
		runLastGood(t, dir, source, func(l *LastGood, _ *atomic.Int32) {
			if _, ok := l.Recall(); ok {
				t.Error("something is recalled of nothing")
			}
			source.complete <- want
			l.Served(want)
			time.Sleep(2 * saveEvery)
			source.complete <- objects.Objects{}
			time.Sleep(2 * saveEvery)
			synctest.Wait()
		})
	})
	l, err := NewLastGood(nil, dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	kubetest.Must(t, err)
	got, ok := l.Recall()
	if !ok || got.Ingresses.Len() != want.Ingresses.Len() || got.Remembered.IsZero() {
		t.Errorf("recalled %v: %d Ingresses of %v, want %d", ok, got.Ingresses.Len(), got.Remembered, want.Ingresses.Len())
	}
}

func TestDamagedStateIsNotServed(t *testing.T) {
	want := exampleObjects(t)
	for name, damage := range map[string]func(string) string{
		"empty":       func(string) string { return "" },
		"cut off":     func(text string) string { return text[:len(text)*2/3] },
		"other":       func(string) string { return "kind: Ingress\n" },
		"format":      func(text string) string { return strings.Replace(text, "/v1", "/v9", 1) },
		"kind":        func(text string) string { return strings.Replace(text, `"kind":"Service"`, `"kind":"Pod"`, 1) },
		"wrong field": func(text string) string { return strings.Replace(text, `"rules":[`, `"rules":7,"x":[`, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, lastGoodFile)
			kubetest.Must(t, writeObjects(file, &want))
			text, err := os.ReadFile(file)
			kubetest.Must(t, err)
			kubetest.Write(t, file, damage(string(text)))
			synctest.Test(t, func(t *testing.T) {
				runLastGood(t, dir, &stubSource{complete: make(chan objects.Objects)}, func(_ *LastGood, dirty *atomic.Int32) {
					time.Sleep(time.Minute)
					if synctest.Wait(); dirty.Load() != 0 {
						t.Error("damaged state is served")
					}
				})
			})
		})
	}
}

// TestEveryKindIsKept on disk.
func TestEveryKindIsKept(t *testing.T) {
	var all objects.Objects
	for _, kind := range objects.Kinds() {
		object := kind.New()
		object.SetNamespace("shop")
		object.SetName("a")
		object.SetUID(types.UID(kind.Name))
		edit := kind.Edit(&all)
		edit.Set(objects.KeyOf(object), object)
		edit.Done()
	}
	path := filepath.Join(t.TempDir(), "objects")
	kubetest.Must(t, writeObjects(path, &all))
	got, err := readObjects(path)
	kubetest.Must(t, err)
	for _, kind := range objects.Kinds() {
		key := objects.Key{Namespace: "shop", Name: "a"}
		if want, got := kind.Get(&all, key), kind.Get(&got, key); !reflect.DeepEqual(want, got) || kind.Len(&all) != 1 {
			t.Errorf("kind %s: got %v, want %v", kind.Name, got, want)
		}
	}
}
