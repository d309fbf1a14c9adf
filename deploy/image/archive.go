package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// archive adds files to a tar archive. The result does not depend on the machine.
type archive struct {
	tar      *tar.Writer
	modified time.Time
	mode     int64 // of the files; 0: 0644
}

func (a *archive) add(name string, content []byte) error {
	mode := a.mode
	if mode == 0 {
		mode = 0o644
	}
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(content)), ModTime: a.modified, Format: tar.FormatUSTAR}
	if err := a.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err := a.tar.Write(content)
	return err
}

// addBlob adds content under its digest.
func (a *archive) addBlob(mediaType string, content []byte) (descriptor, error) {
	d := descriptor{MediaType: mediaType, Digest: digest(content), Size: len(content)}
	return d, a.add("blobs/sha256/"+d.Digest[len("sha256:"):], content)
}

func (a *archive) addJSON(mediaType string, value any) (descriptor, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	return a.addBlob(mediaType, content)
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }
