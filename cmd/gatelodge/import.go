package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatelodge.dev/kube/ingressnginx"
	"gatelodge.dev/kube/manifests"
	"gatelodge.dev/kube/objects"
)

func importCommand(std stdio) *cobra.Command {
	command := &cobra.Command{
		Use:   "import",
		Short: "Translate the configuration of another gateway",
		Args:  noArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(importNginxCommand(std))
	return command
}

func importNginxCommand(std stdio) *cobra.Command {
	var (
		from     source
		defaults bool
	)
	command := &cobra.Command{
		Use:   "ingress-nginx [PATH…|-]",
		Short: "Print a configuration that behaves like an installation of ingress-nginx",
		Long: `Import reads the controller of ingress-nginx (a Deployment, DaemonSet or Pod), its
ConfigMaps, also those of TCP and UDP services, and its IngressClasses, from
manifests in files and folders, from standard input with "-" (the default), or
from a cluster. It prints a configuration for gatelodge serve with the same
behaviour. Comments name the flag or key that each setting comes from, and for
each flag or key without a counterpart the reason and what to do.

Keys of ingress-nginx's ConfigMap that are annotations in Gatelodge become the
defaults of the classes: --defaults prints their manifests instead.`,
		Example: `  gatelodge import ingress-nginx --kubeconfig ~/.kube/config > gateway.yaml
  kubectl get -A -o yaml deployments,daemonsets,configmaps,ingressclasses,services,namespaces | gatelodge import ingress-nginx - > gateway.yaml
  gatelodge import ingress-nginx --defaults ./manifests | kubectl apply -f -`,
		RunE: func(command *cobra.Command, paths []string) error {
			texts, err := from.read(command.Context(), std, paths)
			if err != nil {
				return err
			}
			objs := texts.Objects()
			t, err := from.translation(texts, &objs)
			switch {
			case err != nil:
				return err
			case t == nil:
				return errors.New("these objects contain neither a controller of ingress-nginx nor its ConfigMap")
			case defaults:
				return t.WriteDefaults(std.out)
			default:
				return t.WriteConfig(std.out)
			}
		},
	}
	from.add(command)
	command.Flags().BoolVar(&defaults, "defaults", false, "print manifests with the defaults of the classes")
	return command
}

// source is the input of check and import.
type source struct{ kubeconfig, controller string }

func (s *source) add(command *cobra.Command) {
	command.Flags().StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` of a cluster to read instead of manifests")
	command.Flags().StringVar(&s.controller, "controller", "", "`NAMESPACE/NAME` of the controller of ingress-nginx, if there are several")
}

// read reads manifests, or the objects of a cluster.
func (s *source) read(ctx context.Context, std stdio, paths []string) (manifests.Texts, error) {
	if s.kubeconfig == "" {
		if len(paths) == 0 {
			paths = []string{"-"}
		}
		return manifests.ReadTexts(paths, std.in)
	}
	if len(paths) > 0 {
		return nil, usageError{errors.New("write either paths or --kubeconfig, not both")}
	}
	api, _, err := connect(s.kubeconfig)
	if err != nil {
		return nil, err
	}
	return readCluster(ctx, api.custom, func(err error) { fmt.Fprintf(std.err, "gatelodge: %v\n", err) })
}

// translation translates the controller among the objects; it returns nil if there is
// none.
func (s *source) translation(texts manifests.Texts, objs *objects.Objects) (*ingressnginx.Translation, error) {
	in, err := ingressnginx.Find(texts.Documents(), objs, s.controller)
	if in == nil || err != nil {
		return nil, err
	}
	return ingressnginx.Translate(in), nil
}
