package manifests

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"

	"gatelodge.dev/kube/objects"
)

// Limits of a folder of manifests. They are far above normal use, and prevent a
// mistake, such as a link to a parent folder, from exhausting the gateway.
const (
	maxFileBytes = 16 << 20
	maxDepth     = 16
)

var errTooLarge = fmt.Errorf("the file is larger than %d MiB", maxFileBytes>>20)

// fileMark changes when a file does.
type fileMark struct {
	modified time.Time
	size     int64
	file     fs.FileInfo // for os.SameFile
}

func markOf(info fs.FileInfo) fileMark {
	return fileMark{modified: info.ModTime(), size: info.Size(), file: info}
}

func (m fileMark) equal(o fileMark) bool {
	return m.modified.Equal(o.modified) && m.size == o.size && os.SameFile(m.file, o.file)
}

// readText reads a file, and its mark from before the reading.
func readText(path string) (text []byte, mark fileMark, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fileMark{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, fileMark{}, err
	}
	text, err = readLimited(file)
	return text, markOf(info), err
}

// readRegular is readText for a path that may be anything. A folder, or a pipe, which
// opens only when another process writes to it, is not a manifest, so it counts as
// absent.
func readRegular(path string) (text []byte, mark fileMark, err error) {
	info, err := os.Stat(path)
	switch {
	case isAbsent(err):
		return nil, fileMark{}, fs.ErrNotExist
	case err != nil:
		return nil, fileMark{}, err
	case !info.Mode().IsRegular():
		return nil, fileMark{}, fs.ErrNotExist
	}
	return readText(path)
}

// isAbsent reports whether there is nothing at a path. A link that leads back to itself
// is like one to a missing file.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func readLimited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err == nil && len(text) > maxFileBytes {
		return nil, errTooLarge
	}
	return text, err
}

// isManifest reports by its name whether a file is read, in upper or lower case.
func isManifest(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml", ".json":
		return !isHidden(path)
	}
	return false
}

func isHidden(path string) bool {
	return strings.HasPrefix(filepath.Base(path), ".")
}

// tree is the manifests in a folder and below it.
type tree struct {
	folders []string
	files   map[string]fileMark
}

// readTree lists a folder. It follows links, because the files of a mounted ConfigMap
// are links; files that are deleted meanwhile are skipped.
func readTree(dir string) (*tree, error) {
	t := &tree{files: make(map[string]fileMark)}
	return t, t.add(dir, 0)
}

func (t *tree) add(dir string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("folder %s is nested deeper than %d", dir, maxDepth)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	t.folders = append(t.folders, dir)
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if isHidden(path) || entry.Type().IsRegular() && !isManifest(path) {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case isAbsent(err):
		case err != nil:
			return err
		case info.IsDir():
			if err := t.add(path, depth+1); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		case info.Mode().IsRegular() && isManifest(path):
			t.files[path] = markOf(info)
		}
	}
	return nil
}

// Texts are those of files of manifests, by their paths.
type Texts map[string][]byte

// ReadTexts reads files with any name, the manifests of folders, and standard input for
// "-". An error names a path that can't be read.
func ReadTexts(paths []string, stdin io.Reader) (Texts, error) {
	texts := make(Texts)
	for _, path := range paths {
		if err := readPath(path, stdin, texts); err != nil {
			return nil, fmt.Errorf("read manifests: %w", err)
		}
	}
	return texts, nil
}

// Objects reads the objects that a Snapshot is built from. Mistakes inside a file are
// Problems.
func (t Texts) Objects() objects.Objects {
	set := NewObjectSet()
	for _, path := range sortedKeys(t) {
		set.AddManifest(ReadManifest(path, t[path], nil))
	}
	set.Objects.Now = time.Now()
	return set.Objects
}

// Documents yields all objects in JSON, of any kind, including those of Lists.
// Documents that are not YAML are skipped.
func (t Texts) Documents() iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for _, path := range sortedKeys(t) {
			for _, part := range splitDocuments(t[path]) {
				if raw, err := yaml.YAMLToJSON(part.text); err == nil && !eachOf(raw, 0, yield) {
					return
				}
			}
		}
	}
}

// eachOf yields an object, or those of a List, which itself lies in depth Lists.
func eachOf(raw json.RawMessage, depth int, yield func(json.RawMessage) bool) bool {
	var head struct {
		Kind  string            `json:"kind"`
		Items []json.RawMessage `json:"items"`
	}
	if json.Unmarshal(raw, &head) != nil || head.Kind != "List" {
		return yield(raw)
	}
	for _, item := range head.Items {
		if depth < maxListDepth && !eachOf(item, depth+1, yield) {
			return false
		}
	}
	return true
}

// ReadPaths reads manifests once, as ReadTexts and Objects do.
func ReadPaths(paths []string, stdin io.Reader) (objects.Objects, error) {
	texts, err := ReadTexts(paths, stdin)
	if err != nil {
		return objects.Objects{}, err
	}
	return texts.Objects(), nil
}

func readPath(path string, stdin io.Reader, texts Texts) error {
	if path == "-" {
		text, err := readLimited(stdin)
		if err != nil {
			return fmt.Errorf("standard input: %w", err)
		}
		texts["stdin"] = text
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	files := []string{filepath.Clean(path)}
	if info.IsDir() {
		t, err := readTree(files[0])
		if err != nil {
			return err
		}
		files = sortedKeys(t.files)
	}
	for _, file := range files {
		text, _, err := readText(file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		texts[file] = text
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
