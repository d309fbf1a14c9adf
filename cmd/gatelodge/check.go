package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gatelodge.dev/kube/compile"
)

func checkCommand(std stdio) *cobra.Command {
	var flags checkFlags
	command := &cobra.Command{
		Use:   "check [PATH…|-]",
		Short: "Compile manifests, and print what would be served and every problem",
		Long: `Check reads Kubernetes manifests from files and folders, from standard input with
"-" (the default), or from a cluster, and compiles them as the gateway would. It
prints the snapshot: hosts, routes, certificates, records, and every problem with
its object and file; and for each missing certificate when the gateway would order
it within the limits of the CA. It exits with status 1 if there is a problem.

With --from ingress-nginx it prints a report instead: for each Ingress of the
classes of ingress-nginx, and in total, what stays the same, what differs, and what
you have to do. Without --config it uses the configuration that gatelodge import
ingress-nginx makes of the same objects. The exit status is 0 if you have to do
nothing, and 1 otherwise.`,
		Example: `  gatelodge check deploy/example --config deploy/gateway.yaml
  kubectl get ingress,ingressclass,service,endpointslice -A -o yaml | gatelodge check -
  gatelodge check --from ingress-nginx --kubeconfig ~/.kube/config --output html > report.html`,
		RunE: func(command *cobra.Command, paths []string) error {
			if err := flags.check(); err != nil {
				return usageError{err}
			}
			if flags.from != "" {
				return checkMove(command.Context(), std, &flags, paths)
			}
			return check(command.Context(), std, &flags, paths)
		},
	}
	command.Flags().StringVar(&flags.config, "config", "", "the gateway's configuration `FILE`")
	command.Flags().StringVar(&flags.from, "from", "", "`GATEWAY` that the Ingresses move from: ingress-nginx")
	command.Flags().StringVar(&flags.output, "output", "text", "`FORMAT` of the report of --from: text, json or html")
	flags.source.add(command)
	return command
}

type checkFlags struct {
	config, from, output string
	source               source
}

func (f *checkFlags) check() error {
	switch {
	case f.from != "" && f.from != "ingress-nginx":
		return fmt.Errorf("--from: %q is not a known gateway, write ingress-nginx", f.from)
	case f.output != "text" && f.output != "json" && f.output != "html":
		return fmt.Errorf("--output: %q is not a valid format, write text, json or html", f.output)
	case f.from == "" && f.output != "text":
		return errors.New("--output needs --from")
	case f.from == "" && f.source.controller != "":
		return errors.New("--controller needs --from")
	}
	return nil
}

func check(ctx context.Context, std stdio, flags *checkFlags, paths []string) error {
	cfg, err := loadConfig(flags.config)
	if err != nil {
		return err
	}
	texts, err := flags.source.read(ctx, std, paths)
	if err != nil {
		return err
	}
	objects := texts.Objects()
	objects.Now = time.Now()
	cfg.Kube.LoopbackEndpoints = true // manifests in a folder may use backends on this machine

	var builder compile.Builder
	snapshot := builder.Build(objects, &cfg.Kube)
	if _, err := fmt.Fprint(std.out, snapshot); err != nil {
		return err
	}
	if err := writeOrders(std.out, snapshot.Issuing, objects.Now); err != nil {
		return err
	}
	switch n := snapshot.Problems.Len(); n {
	case 0:
		return nil
	case 1:
		fmt.Fprintln(std.err, "1 problem")
	default:
		fmt.Fprintf(std.err, "%d problems\n", n)
	}
	return errProblems
}
