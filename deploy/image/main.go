// Command image puts static programs into an OCI image archive, one program a
// platform, without a container engine and without a registry.
//
//	go run ./deploy/image -name ghcr.io/gatelodge/gatelodge:0.1.0 -o dist/image.tar \
//		linux/amd64=dist/amd64/gatelodge linux/arm64=dist/arm64/gatelodge
//
// The archive can be imported by containerd (ctr, nerdctl), podman, skopeo and
// crane. The same programs, name and time give the same bytes.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, usage io.Writer) error {
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.Usage = func() {
		fmt.Fprintln(usage, "usage: image [flags] OS/ARCH=PROGRAM...")
		flags.PrintDefaults()
	}
	name := flags.String("name", "", "the image's `NAME` with host and tag, by which it is imported")
	output := flags.String("o", "dist/image.tar", "the archive `FILE` to write")
	version := flags.String("version", "", "`VERSION` of the program, for the labels")
	revision := flags.String("revision", "", "`COMMIT` that the program was built from, for the labels")
	created := flags.Int64("created", 0, "`SECONDS` since 1970 at which the image is said to be made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ref, err := parseName(*name)
	if err != nil {
		return err
	}
	image := image{name: ref, created: time.Unix(*created, 0).UTC(), labels: map[string]string{
		"org.opencontainers.image.title":    "Gatelodge",
		"org.opencontainers.image.url":      "https://gatelodge.dev",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}}
	for label, value := range map[string]string{"version": *version, "revision": *revision} {
		if value != "" {
			image.labels["org.opencontainers.image."+label] = value
		}
	}
	if flags.NArg() == 0 {
		return errors.New("no program: want OS/ARCH=PROGRAM, such as linux/amd64=bin/gatelodge")
	}
	for _, arg := range flags.Args() {
		p, err := parseProgram(arg)
		if err != nil {
			return err
		}
		image.programs = append(image.programs, p)
	}
	return writeFile(*output, image.write)
}

// writeFile makes the file appear whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // it no longer exists if all went well
	buffered := bufio.NewWriter(file)
	if err := errors.Join(write(buffered), buffered.Flush(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.Rename(file.Name(), path)
}
