package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// user is the numeric user that the program runs as: with a name, Kubernetes
// could not see that it is not root (runAsNonRoot).
const user = "65532:65532"

// entrypoint is the one file of the image.
const entrypoint = "gatelodge"

// image is what goes into an archive.
type image struct {
	name     reference
	created  time.Time
	labels   map[string]string
	programs []program
}

// write writes the image as a tar archive of an OCI image layout: all blobs, and
// an index that names the index of the platforms.
func (i *image) write(w io.Writer) error {
	archive := &archive{tar: tar.NewWriter(w), modified: i.created}
	if err := archive.add("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	platforms := index{SchemaVersion: 2, MediaType: typeIndex}
	for _, p := range i.programs {
		described, err := i.writeProgram(archive, p)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", p.os, p.arch, err)
		}
		platforms.Manifests = append(platforms.Manifests, described)
	}
	all, err := archive.addJSON(typeIndex, platforms)
	if err != nil {
		return err
	}
	all.Annotations = map[string]string{
		"org.opencontainers.image.ref.name": i.name.tag,
		"io.containerd.image.name":          i.name.full, // what containerd imports it as
	}
	top, err := json.Marshal(index{SchemaVersion: 2, MediaType: typeIndex, Manifests: []descriptor{all}})
	if err != nil {
		return err
	}
	if err := archive.add("index.json", top); err != nil {
		return err
	}
	return archive.tar.Close()
}

// writeProgram adds the image of one platform and describes it.
func (i *image) writeProgram(archive *archive, p program) (descriptor, error) {
	content, err := os.ReadFile(p.file)
	if err != nil {
		return descriptor{}, err
	}
	layer, diffID, err := i.layer(content)
	if err != nil {
		return descriptor{}, err
	}
	layerDescriptor, err := archive.addBlob(typeLayer, layer)
	if err != nil {
		return descriptor{}, err
	}
	on := platform{Architecture: p.arch, OS: p.os}
	configDescriptor, err := archive.addJSON(typeConfig, imageConfig{
		platform: on,
		Created:  i.created,
		Config:   runtimeConfig{User: user, Entrypoint: []string{"/" + entrypoint}, Labels: i.labels},
		RootFS:   rootFS{Type: "layers", DiffIDs: []string{diffID}},
		History:  []historyEntry{{Created: i.created, CreatedBy: "gatelodge.dev/deploy/image"}},
	})
	if err != nil {
		return descriptor{}, err
	}
	described, err := archive.addJSON(typeManifest, manifest{
		SchemaVersion: 2,
		MediaType:     typeManifest,
		Config:        configDescriptor,
		Layers:        []descriptor{layerDescriptor},
		Annotations:   i.labels,
	})
	described.Platform = &on
	return described, err
}

// layer returns the compressed file system of the program, and the digest that
// it has uncompressed.
func (i *image) layer(program []byte) (compressed []byte, diffID string, err error) {
	var files bytes.Buffer
	inner := &archive{tar: tar.NewWriter(&files), modified: i.created, mode: 0o755}
	if err := inner.add(entrypoint, program); err != nil {
		return nil, "", err
	}
	if err := inner.tar.Close(); err != nil {
		return nil, "", err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed) // with no name and no time in its header
	if _, err := zip.Write(files.Bytes()); err != nil {
		return nil, "", err
	}
	if err := zip.Close(); err != nil {
		return nil, "", err
	}
	return packed.Bytes(), digest(files.Bytes()), nil
}
