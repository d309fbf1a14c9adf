package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	configSettles = 100 * time.Millisecond // an editor or a kubelet makes several file changes for one edit
	configPoll    = 2 * time.Second
)

// watchConfig calls onChange with the parsed file, or its error, at the start and
// after each change of its content, until ctx ends. The call at the start covers
// changes made since the caller read the file.
//
// The folder is watched rather than the file: editors replace a file, and a
// mounted ConfigMap replaces a symbolic link beside it. Changes without an event,
// such as those of a link's target elsewhere, are found by polling.
func watchConfig(ctx context.Context, file string, log *slog.Logger, onChange func(*config, error)) error {
	var events <-chan fsnotify.Event
	var faults <-chan error
	watcher, err := watchFolder(filepath.Dir(file))
	if err != nil {
		log.Warn("can't watch the configuration, polling it instead", "file", file, "error", err)
	} else {
		defer watcher.Close()
		events, faults = watcher.Events, watcher.Errors
	}

	var last fileState
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
			data, err := readConfigFile(file)
			if now := (fileState{string(data), fmt.Sprint(err)}); now != last {
				last = now
				if err != nil {
					onChange(nil, err)
				} else {
					onChange(parseConfig(data, file))
				}
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

// fileState is the result of reading a file.
type fileState struct{ content, err string }

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
