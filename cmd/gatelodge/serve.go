package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"gatelodge.dev/cmd/gatelodge/supervisor"
	"gatelodge.dev/kube/manifests"
)

// listenFlags are the flags that set the addresses of the default listeners.
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
		flags     listenFlags
		files     serveFiles
		level     slog.LevelVar
		supervise bool
	)
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Serve runs the gateway for the cluster that it runs in, for the cluster of a
kubeconfig, or for a folder of Kubernetes manifests, without a cluster. Changes
take effect within a moment. The access log goes to standard output, the log to
standard error.

In a cluster the environment variables POD_NAME and POD_NAMESPACE, set by the
downward API, name the gateway's pod and namespace. Without them it uses the host
name and the namespace of the kubeconfig. POD_ZONE is its zone: if it is set and
EndpointSlices have zone hints, requests stay in the zone.

With --supervise a small parent process keeps the sockets open, and restarts the
gateway at once if it dies. Clients wait meanwhile instead of being refused. Only
requests in progress are lost.`,
		Example: `  gatelodge serve --config /etc/gatelodge/gateway.yaml
  gatelodge serve --kubeconfig ~/.kube/config --config gateway.yaml
  gatelodge serve --manifests ./manifests --config gateway.yaml
  gatelodge serve --manifests ./manifests --http :80 --https :443 --dns :53`,
		Args: noArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if files.manifests != "" && files.kubeconfig != "" {
				return usageError{errors.New("serve takes either --manifests or --kubeconfig, not both")}
			}
			log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: &level}))
			child, err := supervisor.Connect()
			if err != nil {
				return err
			}
			if supervise && child == nil {
				code, err := supervisor.Run(log)
				if err == nil {
					err = exitCode(code)
				}
				return err
			}
			return serve(command.Context(), std, log, files, flags, child)
		},
	}
	flags.add(command, false)
	command.Flags().StringVar(&files.config, "config", "", "the gateway's configuration `FILE`; it is watched")
	command.Flags().StringVar(&files.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` of the cluster to serve; by default, the cluster that this process runs in")
	command.Flags().StringVar(&files.manifests, "manifests", "", "`DIR` of Kubernetes manifests to serve instead of a cluster; it is watched")
	command.Flags().BoolVar(&supervise, "supervise", false, "keep the sockets in a parent process, which restarts the gateway if it dies")
	command.Flags().TextVar(&level, "log-level", &level, "`LEVEL` of the log: debug, info, warn or error")
	return command
}

// serveFiles are the names of the files that serve reads; each may be empty.
type serveFiles struct{ config, kubeconfig, manifests string }

// serve runs a gateway until ctx ends, or exits at once if its supervisor ends, because
// its sockets are not kept any more, and the next supervisor needs their addresses.
func serve(ctx context.Context, std stdio, log *slog.Logger, files serveFiles, flags listenFlags, child *supervisor.Child) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-child.Orphaned():
			log.Error("the supervisor has exited, so the gateway exits too")
			os.Exit(exitFailed)
		case <-ctx.Done():
		}
	}()
	written, err := readConfigFile(files.config)
	if err != nil {
		return err
	}
	cfg, err := parseConfig(written, files.config)
	if err != nil {
		return err
	}
	adjust := func(c *config) error {
		c.override(flags.http, flags.https, flags.dns)
		c.Kube.Zone = os.Getenv("POD_ZONE")
		if files.manifests == "" {
			return nil
		}
		c.Kube.LoopbackEndpoints = true // the endpoints of a cluster are other machines
		return c.needsState()
	}
	if err := adjust(cfg); err != nil {
		return err
	}
	g := newGateway(cfg, nil, std.out, log)
	g.child = child
	if files.manifests != "" {
		g.source = manifests.NewFolder(files.manifests, log)
		if cfg.State != "" {
			if err := g.keepIn(ctx, cfg.State); err != nil {
				return err
			}
		}
	} else {
		api, namespace, err := connect(files.kubeconfig)
		if err != nil {
			return err
		}
		if err := g.join(api, namespace); err != nil {
			return err
		}
	}
	if files.config != "" {
		g.followConfig = func(ctx context.Context) error {
			return watchConfig(ctx, files.config, written, log, func(c *config, err error) {
				if err == nil {
					err = adjust(c)
				}
				g.configChanged(c, err)
			})
		}
	}
	if err := g.run(ctx, flags.admin); err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}
