package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// The times of the objects on disk.
const (
	patience  = 5 * time.Second // how long a source may take to be complete
	saveEvery = 5 * time.Second // minimum interval, however much changes
)

// lastGoodFile is the file's name in the folder of the state.
const lastGoodFile = "objects.jsonl"

// LastGood is a Source that keeps on disk what was served, and returns it while the
// wrapped Source, after a start, is not complete yet. So a gateway can start while the
// API server is unavailable. The file contains private keys, and only its owner may
// read it.
type LastGood struct {
	source objects.Source
	file   string
	log    *slog.Logger

	complete atomic.Bool // the source is
	news     gatelodge.Signal

	mu         sync.Mutex
	remembered objects.Objects
	served     objects.Objects

	// The following is used only by Run.
	saved   objects.Objects
	failure string // why the last attempt to save failed
}

// NewLastGood returns source with a file in the folder dir, which is created if it does
// not exist.
func NewLastGood(source objects.Source, dir string, log *slog.Logger) (*LastGood, error) {
	if err := openFolder(dir); err != nil {
		return nil, err
	}
	return &LastGood{source: source, file: filepath.Join(dir, lastGoodFile), log: log, news: gatelodge.NewSignal()}, nil
}

// Objects returns the objects of the source, or those of the file until the source is
// complete.
func (l *LastGood) Objects() objects.Objects {
	if l.complete.Load() {
		return l.source.Objects()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	objs := l.remembered
	objs.Now = time.Now()
	return objs
}

// Run runs the source. dirty is called for the objects on disk if the source takes long
// to be complete.
func (l *LastGood) Run(ctx context.Context, dirty func()) error {
	ended := make(chan error, 1)
	go func() {
		ended <- l.source.Run(ctx, func() {
			l.complete.Store(true)
			dirty()
		})
	}()
	waited := time.After(patience)
	var save <-chan time.Time
	for {
		select {
		case <-waited:
			if !l.complete.Load() && l.load() {
				dirty()
			}
		case <-l.news:
			if save == nil {
				save = time.After(saveEvery)
			}
		case <-save:
			save = nil
			l.save()
		case err := <-ended:
			if save != nil || len(l.news) > 0 {
				l.save()
			}
			return err
		}
	}
}

// Served records objects that are served, to be stored unless they come from disk.
func (l *LastGood) Served(objs objects.Objects) {
	if !objs.Remembered.IsZero() {
		return
	}
	l.mu.Lock()
	l.served = objs
	l.mu.Unlock()
	l.news.Raise()
}

// Recall returns the stored objects of the start of the process, if they can be read.
func (l *LastGood) Recall() (objs objects.Objects, ok bool) {
	objs, err := readObjects(l.file)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.log.Error("can't read what was served before", "file", l.file, "error", err)
		}
		return objects.Objects{}, false
	}
	return objs, true
}

// load reads the stored objects, and reports whether there are any.
func (l *LastGood) load() bool {
	objs, err := readObjects(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		l.log.Warn("the cluster is not read yet, and nothing is known from before", "file", l.file)
		return false
	}
	if err != nil {
		l.log.Error("the cluster is not read yet, and what was known before can't be read", "file", l.file, "error", err)
		return false
	}
	objs.Problems = []gatelodge.Problem{{
		Object: gatelodge.Object{Kind: "Cluster", Name: "state"},
		Reason: gatelodge.SourceFailed,
		Message: fmt.Sprintf("the cluster could not be read since the start, so the objects of %s are served",
			objs.Remembered.UTC().Format(time.RFC3339)),
	}}
	l.log.Warn("the cluster is not read yet, serving what was known before", "of", objs.Remembered)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remembered = objs
	return true
}

// save writes the served objects, unless they are on disk already.
func (l *LastGood) save() {
	l.mu.Lock()
	objs := l.served
	l.mu.Unlock()
	if objs.SameAs(&l.saved) {
		return
	}
	if err := writeObjects(l.file, &objs); err != nil {
		if err.Error() != l.failure {
			l.log.Error("can't store what is served for the next start", "error", err)
		}
		l.failure = err.Error()
		return
	}
	l.saved, l.failure = objs, ""
}
