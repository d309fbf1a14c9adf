package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gatelodge.dev/kube/compile"
	"gatelodge.dev/kube/manifests"
)

func checkCommand(std stdio) *cobra.Command {
	var configFile string
	command := &cobra.Command{
		Use:   "check [PATH…|-]",
		Short: "Compile manifests without serving them, and print what would be served and every problem",
		Long: `Check reads Kubernetes manifests from files and folders, or from standard input
with "-" (the default), compiles them as the gateway would, and prints the
snapshot: hosts, routes, certificates, records, and every problem with its
object and file. It exits with status 1 if there is a problem.`,
		Example: `  gatelodge check deploy/example --config deploy/gateway.yaml
  kubectl get ingress,ingressclass,service,endpointslice -A -o yaml | gatelodge check -`,
		RunE: func(_ *cobra.Command, paths []string) error {
			return check(std, configFile, paths)
		},
	}
	command.Flags().StringVar(&configFile, "config", "", "the gateway's configuration `FILE`")
	return command
}

func check(std stdio, configFile string, paths []string) error {
	cfg, err := loadConfig(configFile)
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		paths = []string{"-"}
	}
	objects, err := manifests.ReadPaths(paths, std.in)
	if err != nil {
		return err
	}
	objects.Now = time.Now()
	cfg.Kube.LoopbackEndpoints = true // manifests in a folder may use backends on this machine

	var builder compile.Builder
	snapshot := builder.Build(objects, &cfg.Kube)
	if _, err := fmt.Fprint(std.out, snapshot); err != nil {
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
