// Command gatelodge is an Ingress gateway and the authoritative DNS server of its
// own hosts. This package is the wiring: it reads flags and the configuration,
// and connects the source of Kubernetes objects (kube), the Live snapshot and
// the three servers (proxy, tls, dnsserve).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	// The image contains only this program, so it includes the roots of public
	// CAs. The machine's own roots are used where there are any.
	_ "golang.org/x/crypto/x509roots/fallback"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // problems found, or failed to run
	exitUsage  = 2 // invalid command line
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// stdio is the process's standard streams, or a test's.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// errProblems ends a command that has already printed the problems.
var errProblems = errors.New("problems found")

// usageError is an error in the command line.
type usageError struct{ error }

// exitCode ends a command with a code, without a message.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, std stdio) int {
	root := rootCommand(std)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	var usage usageError
	var code exitCode
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, errProblems):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(std.err, "gatelodge: %v\nSee '%s --help'.\n", err, command.CommandPath())
		return exitUsage
	default:
		fmt.Fprintf(std.err, "gatelodge: %v\n", err)
		return exitFailed
	}
}

func rootCommand(std stdio) *cobra.Command {
	root := &cobra.Command{
		Use:   "gatelodge",
		Short: "A Kubernetes Ingress controller that is also the DNS server of its hosts",
		Long: `Gatelodge is a Kubernetes Ingress controller and the authoritative DNS server of
its own hosts, in one process: an Ingress becomes a route, a certificate and a
DNS record in one step.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(command *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(demoCommand(std), serveCommand(std), checkCommand(std), explainCommand(std), importCommand(std), compareCommand(std), versionCommand(std))
	return root
}

// noArgs rejects arguments of a command that takes only flags.
func noArgs(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, got %q", command.CommandPath(), args[0])}
	}
	return nil
}
