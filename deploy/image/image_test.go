package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testName = "ghcr.io/gatelodge/gatelodge:1.2.3"

// makeImage runs the command on two programs and returns the archive.
func makeImage(t *testing.T, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	amd64, arm64, out := filepath.Join(dir, "amd64"), filepath.Join(dir, "arm64"), filepath.Join(dir, "sub", "image.tar")
	for file, text := range map[string]string{amd64: "an amd64 program", arm64: "an arm64 program"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args = append(args, "-o", out, "-version", "v1.2.3", "-revision", "c0ffee", "linux/amd64="+amd64, "linux/arm64="+arm64)
	if err := run(append([]string{"-name", testName}, args...), t.Output()); err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

// files returns the content of a tar archive, by name.
func files(t *testing.T, archive io.Reader) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if all[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}

// blob returns what a descriptor names, after checking its digest.
func blob[T any](t *testing.T, layout map[string][]byte, d descriptor) (value T) {
	t.Helper()
	content, ok := layout["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
	if !ok {
		t.Fatalf("there is no blob %s", d.Digest)
	}
	if digest(content) != d.Digest || len(content) != d.Size {
		t.Fatalf("the blob %s has %d bytes of digest %s", d.Digest, len(content), digest(content))
	}
	if err := json.Unmarshal(content, &value); err != nil {
		t.Fatalf("%s %s: %v", d.MediaType, d.Digest, err)
	}
	return value
}

func TestImageHoldsAProgramForEachPlatform(t *testing.T) {
	layout := files(t, bytes.NewReader(makeImage(t)))
	var top index
	if err := json.Unmarshal(layout["index.json"], &top); err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["io.containerd.image.name"] != testName ||
		top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2.3" {
		t.Fatalf("the layout names %+v, want %s alone", top.Manifests, testName)
	}
	platforms := blob[index](t, layout, top.Manifests[0])
	if len(platforms.Manifests) != 2 {
		t.Fatalf("%d platforms, want 2", len(platforms.Manifests))
	}
	for i, arch := range []string{"amd64", "arm64"} {
		described := platforms.Manifests[i]
		if described.Platform.OS != "linux" || described.Platform.Architecture != arch {
			t.Errorf("manifest %d is for %+v, want linux/%s", i, described.Platform, arch)
		}
		m := blob[manifest](t, layout, described)
		config := blob[imageConfig](t, layout, m.Config)
		if config.OS != "linux" || config.Architecture != arch || config.Config.User != "65532:65532" ||
			len(config.Config.Entrypoint) != 1 || config.Config.Entrypoint[0] != "/gatelodge" {
			t.Errorf("%s: config %+v", arch, config)
		}
		if config.Config.Labels["org.opencontainers.image.version"] != "v1.2.3" || config.Config.Labels["org.opencontainers.image.revision"] != "c0ffee" {
			t.Errorf("%s: labels %v", arch, config.Config.Labels)
		}
		layer := layout["blobs/sha256/"+strings.TrimPrefix(m.Layers[0].Digest, "sha256:")]
		zip, err := gzip.NewReader(bytes.NewReader(layer))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(zip)
		if err != nil {
			t.Fatal(err)
		}
		if digest(plain) != config.RootFS.DiffIDs[0] {
			t.Errorf("%s: the layer unpacks to %s, and the config says %s", arch, digest(plain), config.RootFS.DiffIDs[0])
		}
		root := files(t, bytes.NewReader(plain))
		if len(root) != 1 || string(root["gatelodge"]) != "an "+arch+" program" {
			t.Errorf("%s: the file system holds %q", arch, root)
		}
	}
}

func TestImageIsReproducible(t *testing.T) {
	first := makeImage(t, "-created", "1700000000")
	if !bytes.Equal(first, makeImage(t, "-created", "1700000000")) {
		t.Error("the same input makes two different archives")
	}
	if bytes.Equal(first, makeImage(t, "-created", "1700000001")) {
		t.Error("the time of creation makes no difference")
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for _, c := range []struct {
		idea string
		args []string
		want string
	}{
		{"a name without a host is not what a pod asks for", []string{"-name", "gatelodge:1", "linux/amd64=x"}, "want HOST/PATH:TAG"},
		{"an untagged image is always pulled", []string{"-name", "ghcr.io/gatelodge/gatelodge", "linux/amd64=x"}, "want HOST/PATH:TAG"},
		{"a port is not a tag", []string{"-name", "registry:5000/gatelodge", "linux/amd64=x"}, "want HOST/PATH:TAG"},
		{"a version with build metadata is not a tag", []string{"-name", testName + "+dirty", "linux/amd64=x"}, "want HOST/PATH:TAG"},
		{"an unknown platform", []string{"-name", testName, "linux/amd=x"}, "linux/amd64, linux/arm64"},
		{"no program", []string{"-name", testName}, "want OS/ARCH=PROGRAM"},
		{"a program that is not there", []string{"-name", testName, "-o", filepath.Join(t.TempDir(), "i.tar"), "linux/arm64=nowhere"}, "linux/arm64: open nowhere"},
	} {
		t.Run(c.idea, func(t *testing.T) {
			err := run(c.args, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
