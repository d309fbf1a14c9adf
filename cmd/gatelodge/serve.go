package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"gatelodge.dev/kube"
)

// listenFlags are the flags that move the default listeners.
type listenFlags struct{ http, https, dns, admin string }

func (f *listenFlags) add(command *cobra.Command, loopback bool) {
	host := ""
	if loopback {
		host = "127.0.0.1"
	}
	command.Flags().StringVar(&f.http, "http", host+":8080", "`ADDRESS` of the HTTP listener")
	command.Flags().StringVar(&f.https, "https", host+":8443", "`ADDRESS` of the HTTPS listener")
	command.Flags().StringVar(&f.dns, "dns", host+":8053", "`ADDRESS` of the DNS listener, UDP and TCP")
	command.Flags().StringVar(&f.admin, "admin", host+":9080", "`ADDRESS` of the admin endpoint: health, metrics, snapshot")
}

func serveCommand(std stdio) *cobra.Command {
	var (
		flags      listenFlags
		configFile string
		manifests  string
		level      slog.LevelVar
	)
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Serve runs the gateway from a folder of Kubernetes manifests, which it watches:
what is added, changed or removed there is served within a moment. The access
log goes to standard output, everything else to standard error.`,
		Example: `  gatelodge serve --manifests ./manifests --config gateway.yaml
  gatelodge serve --manifests ./manifests --http :80 --https :443 --dns :53`,
		Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if manifests == "" {
				return usageError{errors.New("serve needs --manifests DIR, a folder of Kubernetes manifests")}
			}
			log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: &level}))
			return serve(command.Context(), std, log, configFile, manifests, flags)
		},
	}
	flags.add(command, false)
	command.Flags().StringVar(&configFile, "config", "", "the gateway's configuration `FILE`; it is watched")
	command.Flags().StringVar(&manifests, "manifests", "", "`DIR` of Kubernetes manifests to serve; it is watched")
	command.Flags().TextVar(&level, "log-level", &level, "`LEVEL` of the log: debug, info, warn or error")
	return command
}

// serve runs a gateway from a folder of manifests until ctx ends.
func serve(ctx context.Context, std stdio, log *slog.Logger, configFile, manifests string, flags listenFlags) error {
	cfg, err := loadConfig(configFile)
	if err != nil {
		return err
	}
	adjust := func(c *config) {
		c.override(flags.http, flags.https, flags.dns)
		c.Kube.LoopbackEndpoints = true
	}
	adjust(cfg)
	g := newGateway(cfg, kube.NewFolder(manifests, log), std.out, log)
	if configFile != "" {
		g.followConfig = func(ctx context.Context) error {
			return watchConfig(ctx, configFile, log, func(c *config, err error) {
				if err == nil {
					adjust(c)
				}
				g.configChanged(c, err)
			})
		}
	}
	if err := g.run(ctx, flags.admin); err != nil {
		return fmt.Errorf("serving %s: %w", manifests, err)
	}
	return nil
}
