package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	configSettles = 100 * time.Millisecond // an editor or a kubelet makes several file changes for one edit
	configPoll    = 2 * time.Second
)

// watchConfig calls onChange with the parsed file, or its error, after each change of
// its content, until ctx ends. known is the content that the caller has read, so that
// changes since then are noticed.
//
// The folder is watched rather than the file: editors replace a file, and a
// mounted ConfigMap replaces a symbolic link beside it. Changes without an event,
// such as those of a link's target elsewhere, are found by polling.
func watchConfig(ctx context.Context, file string, known []byte, log *slog.Logger, onChange func(*config, error)) error {
	var events <-chan fsnotify.Event
	var faults <-chan error
	watcher, err := watchFolder(filepath.Dir(file))
	if err != nil {
		log.Warn("can't watch the configuration, polling it instead", "file", file, "error", err)
	} else {
		defer watcher.Close()
		events, faults = watcher.Events, watcher.Errors
	}

	watched := watchedFile{name: file, content: string(known)}
	check := time.NewTimer(0)
	defer check.Stop()
	soon := true // check is set to less than configPoll
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-events:
		case err := <-faults:
			log.Warn("lost an event of the configuration's folder", "file", file, "error", err)
		case <-check.C:
			if c, changed, err := watched.read(); changed {
				onChange(c, err)
			}
			check.Reset(configPoll)
			soon = false
			continue
		}
		if !soon { // later events don't delay the check, so a busy folder can't hide a change
			check.Reset(configSettles)
			soon = true
		}
	}
}

// watchedFile is a configuration file, with the result of the last read.
type watchedFile struct{ name, content, err string }

// read parses the file if its content, or the error of reading it, has changed.
func (w *watchedFile) read() (c *config, changed bool, err error) {
	now := watchedFile{name: w.name}
	data, err := readConfigFile(w.name)
	now.content = string(data)
	if err != nil {
		now.err = err.Error()
	}
	if now == *w {
		return nil, false, nil
	}
	*w = now
	if err == nil {
		c, err = parseConfig(data, w.name)
	}
	return c, true, err
}

func watchFolder(dir string) (*fsnotify.Watcher, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := watcher.Add(dir); err != nil {
		watcher.Close()
		return nil, err
	}
	return watcher, nil
}
