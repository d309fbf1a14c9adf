package manifests

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/objects"
)

// startFolder watches dir until the test ends.
func startFolder(t *testing.T, dir string) *Folder {
	t.Helper()
	folder := NewFolder(dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	ctx, cancel := context.WithCancel(t.Context())
	complete, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() {
		ended <- folder.Run(ctx, func() {
			select {
			case complete <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-complete:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return folder
}

// served lists the hosts that a folder's objects make, and the problems.
func served(o objects.Objects) (hosts string, problems []gatelodge.Problem) {
	snapshot := new(compile.Builder).Build(o, &objects.Config{WithoutClass: true})
	var names []string
	for _, host := range snapshot.Hosts.All() {
		names = append(names, string(host.Name))
	}
	for problem := range snapshot.Problems.All() {
		problems = append(problems, problem)
	}
	return strings.Join(names, " "), problems
}

// waitFor waits until the folder serves these hosts, with as many problems.
func waitFor(t *testing.T, folder *Folder, want string, problems int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		hosts, found := served(folder.Objects())
		if hosts == want && len(found) == problems {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("serves %q with problems %v, want %q with %d", hosts, found, want, problems)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func ingressText(host string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: " + strings.ReplaceAll(host, ".", "-") +
		"}\nspec: {rules: [{host: " + host + "}]}\n"
}

// TestFolderFollowsFiles walks through what happens to a folder in use.
func TestFolderFollowsFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write(t, file("a.yaml"), ingressText("a.test"))
	write(t, file("notes.txt"), "no manifest")
	folder := startFolder(t, dir)
	waitFor(t, folder, "a.test", 0)

	write(t, file("b.yml"), ingressText("b.test"))
	waitFor(t, folder, "a.test b.test", 0)

	for _, name := range []string{"UPPER.YAML", "Mixed.Yml", "DATA.JSON"} {
		write(t, file(name), ingressText("upper.test"))
		waitFor(t, folder, "a.test b.test upper.test", 0)
		must(t, os.Remove(file(name)))
		waitFor(t, folder, "a.test b.test", 0)
	}

	write(t, file("a.yaml"), ingressText("a2.test"))
	waitFor(t, folder, "a2.test b.test", 0)

	write(t, file(".b.yml.swp"), ingressText("editor.test"))
	must(t, os.Mkdir(file("team"), 0o700))
	write(t, file("team/c.json"), `{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "c"}, "spec": {"rules": [{"host": "c.test"}]}}`)
	waitFor(t, folder, "a2.test b.test c.test", 0)

	must(t, os.Rename(file("a.yaml"), file("team/a.yaml")))
	waitFor(t, folder, "a2.test b.test c.test", 0)

	must(t, os.Remove(file("b.yml")))
	waitFor(t, folder, "a2.test c.test", 0)

	must(t, os.Rename(file("team"), file("crew")))
	write(t, file("crew/d.yaml"), ingressText("d.test"))
	waitFor(t, folder, "a2.test c.test d.test", 0)

	must(t, os.RemoveAll(file("crew")))
	waitFor(t, folder, "", 0)
}

// TestFolderKeepsWhatWasServed: a file that is being written takes nothing
// away.
func TestFolderKeepsWhatWasServed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	both := ingressText("a.test") + "---\n" + ingressText("b.test")
	write(t, path, both)
	folder := startFolder(t, dir)
	waitFor(t, folder, "a.test b.test", 0)

	write(t, path, both[:len(both)-4])
	waitFor(t, folder, "a.test b.test", 1)

	write(t, path, ingressText("a.test")+"---\n"+ingressText("c.test"))
	waitFor(t, folder, "a.test c.test", 0)

	must(t, os.Chmod(path, 0o600))
	must(t, os.Rename(path, path+"~"))
	write(t, path, ingressText("d.test"))
	waitFor(t, folder, "d.test", 0)
}

// TestFolderReadAtFirst: what can't be read in a file that was never good
// leaves the rest of it.
func TestFolderReadAtFirst(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "kind: [\n---\n"+ingressText("a.test"))
	waitFor(t, startFolder(t, dir), "a.test", 1)
}

// TestFolderIsVolume: a mounted ConfigMap is swapped by one rename of a link.
func TestFolderIsVolume(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.Mkdir(file("..one"), 0o700))
	write(t, file("..one/a.yaml"), ingressText("one.test"))
	must(t, os.Symlink("..one", file("..data")))
	must(t, os.Symlink("..data/a.yaml", file("a.yaml")))
	folder := startFolder(t, dir)
	waitFor(t, folder, "one.test", 0)

	must(t, os.Mkdir(file("..two"), 0o700))
	write(t, file("..two/a.yaml"), ingressText("two.test"))
	must(t, os.Symlink("..two", file("..tmp")))
	must(t, os.Rename(file("..tmp"), file("..data")))
	must(t, os.RemoveAll(file("..one")))
	waitFor(t, folder, "two.test", 0)
}

func listOf(table objects.Table[*networkingv1.Ingress]) (list []*networkingv1.Ingress) {
	for _, in := range table.All() {
		list = append(list, in)
	}
	return list
}

// TestFolderKeepsUnchangedObjects: what did not change is the same pointer, so
// that a build costs little.
func TestFolderKeepsUnchangedObjects(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), ingressText("a.test")+"---\n"+ingressText("b.test"))
	write(t, filepath.Join(dir, "z.yaml"), ingressText("z.test"))
	folder := startFolder(t, dir)
	before := listOf(folder.Objects().Ingresses)
	write(t, filepath.Join(dir, "a.yaml"), ingressText("a.test")+"---\n"+ingressText("c.test"))
	waitFor(t, folder, "a.test c.test z.test", 0)
	now := listOf(folder.Objects().Ingresses)
	if now[0] != before[0] || now[1] == before[1] || now[2] != before[2] {
		t.Errorf("before %p, now %p", before, now)
	}
}

// TestFolderAbsent: a wrong path is told at once.
func TestFolderAbsent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	for _, dir := range []string{file, file + "-absent"} {
		err := NewFolder(dir, slog.New(slog.DiscardHandler)).Run(t.Context(), func() { t.Error("dirty") })
		if err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: error %v", dir, err)
		}
	}
}

// TestReadPaths is what "gatelodge check" reads.
func TestReadPaths(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "sub", ".git"), 0o700))
	write(t, filepath.Join(dir, "sub", "b.yaml"), ingressText("b.test"))
	write(t, filepath.Join(dir, "sub", ".git", "c.yaml"), ingressText("c.test"))
	write(t, filepath.Join(dir, "template.txt"), ingressText("t.test"))
	objs, err := ReadPaths([]string{dir, filepath.Join(dir, "template.txt"), filepath.Join(dir, "sub", "b.yaml"), "-"}, strings.NewReader(ingressText("in.test")))
	if err != nil {
		t.Fatal(err)
	}
	if hosts, problems := served(objs); hosts != "b.test in.test t.test" || len(problems) > 0 {
		t.Errorf("serves %q with problems %v", hosts, problems)
	}
	if objs.Now.IsZero() {
		t.Error("certificates can't be judged without a time")
	}
	if _, err := ReadPaths([]string{dir + "/absent.yaml"}, nil); err == nil || !strings.Contains(err.Error(), "absent.yaml") {
		t.Errorf("an absent path gives error %v", err)
	}
}

// TestLargeFile: a mistake does not take the gateway's memory.
func TestLargeFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), ingressText("a.test"))
	write(t, filepath.Join(dir, "large.yaml"), strings.Repeat("#", maxFileBytes+1))
	folder := startFolder(t, dir)
	waitFor(t, folder, "a.test", 1)
	problem := folder.Objects().Problems[0]
	if !slices.Contains([]gatelodge.Reason{gatelodge.BadManifest}, problem.Reason) || !strings.Contains(problem.String(), "large.yaml") {
		t.Errorf("problem %v", problem)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}
