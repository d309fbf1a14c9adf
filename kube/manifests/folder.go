package manifests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Folder is a Source of manifests: the .yaml, .yml and .json files of a folder
// and of the folders in it, in upper or lower case. Files and folders whose names start with a dot are
// left out, as they are the own ones of editors and mounted volumes.
//
// Nothing disappears because a file is half written: while a document of a file is not
// YAML, the previous objects of the file stay, together with a Problem. A missing or
// empty file is checked a second time before its objects disappear, because some
// programs replace a file in two steps. A missing file means that its objects were
// deleted; but a folder without any manifest, as when its volume is not mounted, is a
// Relist that lacks all.
type Folder struct {
	dir string
	log *slog.Logger

	mu      sync.Mutex
	objects objects.Objects

	// The following is used only by Run.
	files    map[string]*manifestFile // by path
	set      *ObjectSet               // of files
	doubtful map[string]bool          // paths of files that seem to be missing
	problems []gatelodge.Problem      // why the folder can't be listed now
}

// manifestFile is a file and its served content.
type manifestFile struct {
	mark     fileMark
	text     []byte
	good     *manifest           // the last one that was YAML throughout, or the first
	problems []gatelodge.Problem // why good is not the current content of the file
}

const (
	// settleTime without an event means that a file is completely written; settleMost
	// limits the waiting.
	settleTime = 5 * time.Millisecond
	settleMost = 25 * time.Millisecond
	// goneAfter is how long a file has to be missing or empty to count as that.
	goneAfter = 100 * time.Millisecond
	// rescanEvery covers lost events, and file systems that don't send any, such as
	// network file systems.
	rescanEvery = 5 * time.Second
)

// NewFolder returns the Source of the manifests in dir.
func NewFolder(dir string, log *slog.Logger) *Folder {
	return &Folder{
		dir: filepath.Clean(dir), log: log,
		files: make(map[string]*manifestFile), set: NewObjectSet(), doubtful: make(map[string]bool),
	}
}

// Objects returns the objects of the last read; its time is now.
func (f *Folder) Objects() objects.Objects {
	f.mu.Lock()
	defer f.mu.Unlock()
	objs := f.objects
	objs.Now = time.Now()
	return objs
}

// Run reads the folder and its changes until ctx ends. It returns an error if the
// folder can't be read at first or can't be watched.
func (f *Folder) Run(ctx context.Context, dirty func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.dir, err)
	}
	defer func() {
		if err := watcher.Close(); err != nil {
			f.log.Warn("can't close the watch of manifests", "folder", f.dir, "error", err)
		}
	}()
	if _, err := f.rescan(watcher); err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	f.publish()
	dirty()

	rescan := time.NewTicker(rescanEvery)
	defer rescan.Stop()
	var gone <-chan time.Time // set while a file seems to be missing
	for {
		var changed bool
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			changed = f.touched(watcher, settle(ctx, watcher, event))
		case err := <-watcher.Errors:
			f.log.Warn("can't watch manifests, reading the folder again", "folder", f.dir, "error", err)
			changed = f.look(watcher)
		case <-rescan.C:
			changed = f.look(watcher)
		case <-gone:
			gone, changed = nil, f.confirmGone()
		}
		if len(f.doubtful) > 0 && gone == nil {
			gone = time.After(goneAfter)
		}
		if changed {
			f.publish()
			dirty()
		}
	}
}

// settle collects the paths of events until none comes for a moment.
func settle(ctx context.Context, watcher *fsnotify.Watcher, first fsnotify.Event) map[string]bool {
	paths := map[string]bool{first.Name: true}
	most := time.After(settleMost)
	for {
		select {
		case event := <-watcher.Events:
			paths[event.Name] = true
			continue
		case <-time.After(settleTime):
		case <-most:
		case <-ctx.Done():
		}
		return paths
	}
}

// touched reads the files of events again: one file each, or all if a folder changed. A
// mounted ConfigMap is replaced by renaming "..data", to which its files link.
func (f *Folder) touched(watcher *fsnotify.Watcher, paths map[string]bool) (changed bool) {
	for path := range paths {
		switch {
		case isManifest(path) && !isFolder(path):
			changed = f.read(path, false) || changed
		case !isHidden(path) || strings.HasPrefix(filepath.Base(path), ".."):
			return f.look(watcher) || changed
		}
	}
	return changed
}

// look checks the whole folder for changes. While it can't be listed, everything stays,
// together with a Problem.
func (f *Folder) look(watcher *fsnotify.Watcher) (changed bool) {
	changed, err := f.rescan(watcher)
	var problems []gatelodge.Problem
	if err != nil {
		problems = []gatelodge.Problem{{Object: fileObject(f.dir, 0), Reason: gatelodge.SourceFailed, Message: err.Error()}}
	}
	changed = changed || !slices.Equal(f.problems, problems)
	f.problems = problems
	return changed
}

func (f *Folder) rescan(watcher *fsnotify.Watcher) (changed bool, err error) {
	// Watch before listing, so that changes in between are seen twice rather than
	// never.
	if err := watcher.Add(f.dir); err != nil {
		return false, fmt.Errorf("folder %s: %w", f.dir, err)
	}
	t, err := readTree(f.dir)
	if err != nil {
		return false, err
	}
	watched := watcher.WatchList()
	for _, folder := range t.folders {
		if slices.Contains(watched, folder) {
			continue
		}
		if err := watcher.Add(folder); err != nil {
			return false, fmt.Errorf("folder %s: %w", folder, err)
		}
		fresh, err := readTree(folder)
		if err != nil {
			return false, err
		}
		for path, mark := range fresh.files {
			t.files[path] = mark
		}
	}
	for path, mark := range t.files {
		if file := f.files[path]; file == nil || !file.mark.equal(mark) || f.doubtful[path] {
			changed = f.read(path, false) || changed
		}
	}
	for path := range f.files {
		if _, ok := t.files[path]; !ok {
			changed = f.read(path, false) || changed
		}
	}
	return changed, nil
}

// read reads one file and reports whether that changed anything. A file that had
// objects and is now missing or empty is checked again later, unless certain.
func (f *Folder) read(path string, certain bool) (changed bool) {
	if !f.readFile(path, certain) {
		return false
	}
	var content fileContent
	if file := f.files[path]; file != nil {
		content = file.good.content()
		if len(file.problems) > 0 {
			content.problems = file.problems
		}
	}
	f.set.put(path, content)
	return true
}

// readFile reads one file into files.
func (f *Folder) readFile(path string, certain bool) (changed bool) {
	text, mark, err := readRegular(path)
	file := f.files[path]
	if file != nil && !certain && len(file.good.documents) > 0 && (errors.Is(err, fs.ErrNotExist) || err == nil && len(bytes.TrimSpace(text)) == 0) {
		f.doubtful[path] = true
		return false
	}
	delete(f.doubtful, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		delete(f.files, path)
		return file != nil
	case file == nil:
		file = &manifestFile{good: &manifest{}}
		f.files[path] = file
	case err == nil && len(file.problems) == 0 && bytes.Equal(text, file.text):
		file.mark = mark
		return false
	}
	before := file.problems
	file.mark, file.text, file.problems = mark, text, nil
	if err != nil {
		file.problems = []gatelodge.Problem{{Object: fileObject(path, 0), Reason: gatelodge.BadManifest, Message: err.Error()}}
		return !slices.Equal(before, file.problems)
	}
	next := ReadManifest(path, text, file.good)
	if next.broken && len(file.good.documents) > 0 {
		file.problems = next.problems()
		return true
	}
	file.good = next
	return true
}

// confirmGone drops the files that are still gone or empty.
func (f *Folder) confirmGone() (changed bool) {
	for path := range f.doubtful {
		changed = f.read(path, true) || changed
	}
	return changed
}

// publish publishes the content of the files.
func (f *Folder) publish() {
	objs := f.set.Objects
	if len(f.problems) > 0 {
		objs.Problems = slices.Concat(f.problems, objs.Problems)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.files) == 0 {
		objs.Relists = append(f.objects.Relists, objects.RelistOf(&f.objects, &objs)...)
	}
	f.objects = objs
}
