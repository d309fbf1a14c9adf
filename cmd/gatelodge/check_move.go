package main

import (
	"bytes"
	"context"
	"fmt"

	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/ingressnginx"
)

// checkMove reports what happens to the Ingresses of ingress-nginx.
func checkMove(ctx context.Context, std stdio, flags *checkFlags, paths []string) error {
	texts, err := flags.source.read(ctx, std, paths)
	if err != nil {
		return err
	}
	objs := texts.Objects()
	translation, err := flags.source.translation(texts, &objs)
	if err != nil {
		return err
	}
	cfg, err := moveConfig(flags.config, translation)
	if err != nil {
		return err
	}
	if flags.config == "" && translation != nil {
		translation.AddDefaults(&objs)
	}
	cfg.Kube.LoopbackEndpoints = true

	var builder compile.Builder
	report := ingressnginx.NewReport(&objs, &cfg.Kube, builder.Build(objs, &cfg.Kube), translation)
	write := report.WriteText
	switch flags.output {
	case "json":
		write = report.WriteJSON
	case "html":
		write = report.WriteHTML
	}
	if err := write(std.out); err != nil {
		return err
	}
	if !report.Clean() {
		return errProblems
	}
	return nil
}

// moveConfig returns the configuration of the file; without a file, the translation of
// the installation; and without an installation, that of one with default settings.
func moveConfig(file string, translation *ingressnginx.Translation) (*config, error) {
	if file != "" {
		return loadConfig(file)
	}
	if translation == nil {
		return parseConfig([]byte("ingress: {classes: [nginx], hostSharing: any}\nviews: [{name: default, addresses: [192.0.2.1]}]\n"), "")
	}
	var text bytes.Buffer
	if err := translation.WriteConfig(&text); err != nil {
		return nil, err
	}
	cfg, err := parseConfig(text.Bytes(), "the translation")
	if err != nil {
		return nil, fmt.Errorf("reading the translated configuration: %w", err)
	}
	return cfg, nil
}
