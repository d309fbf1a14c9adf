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
	configSettles = 100 * time.Millisecond // an editor or a kubelet makes several changes for one
	configPoll    = 2 * time.Second
)

// watchConfig calls onChange with what the file means, or with what is wrong
// with it, when it starts and then after each change of its content, until ctx
// ends. It starts with a call so that a change is not lost that was made
// after the caller read the file.
//
// The folder is watched rather than the file: editors replace a file, and a
// mounted ConfigMap replaces a symbolic link beside it. Changes that give no
// event, as of what a link elsewhere points to, are found by looking now and
// then.
func watchConfig(ctx context.Context, file string, log *slog.Logger, onChange func(*config, error)) error {
	var events <-chan fsnotify.Event
	var faults <-chan error
	watcher, err := watchFolder(filepath.Dir(file))
	if err != nil {
		log.Warn("changes of the configuration are seen late", "file", file, "error", err)
	} else {
		defer watcher.Close()
		events, faults = watcher.Events, watcher.Errors
	}

	var last fileState
	look := time.NewTimer(0)
	defer look.Stop()
	soon := true // look is set to less than configPoll
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-events:
		case err := <-faults:
			log.Warn("an event of the configuration's folder is lost", "file", file, "error", err)
		case <-look.C:
			data, err := readConfigFile(file)
			if now := (fileState{string(data), fmt.Sprint(err)}); now != last {
				last = now
				if err != nil {
					onChange(nil, err)
				} else {
					onChange(parseConfig(data, file))
				}
			}
			look.Reset(configPoll)
			soon = false
			continue
		}
		if !soon { // further events put off nothing, so a busy folder can't hide a change
			look.Reset(configSettles)
			soon = true
		}
	}
}

// fileState is what reading a file gave.
type fileState struct{ content, fault string }

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
