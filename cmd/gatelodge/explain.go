package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/explain"
)

type explainFlags struct {
	admin, config, output, client string
	kubeconfig, namespace         string
	manifests                     []string
	all                           bool
}

func explainCommand(std stdio) *cobra.Command {
	var flags explainFlags
	command := &cobra.Command{
		Use:   "explain URL|NAME",
		Short: "Show what happens to a URL, which namespace has it, and where it stops working",
		Long: `Explain follows a request for a URL, or for the path / of a name, step by step: the
owner of the name, the delegation of its zone, the answer of each view, the
listener, the certificate, redirects, the route and the other routes of the host,
policies, the backend with its endpoints, and the last requests. The line where the
request stops is marked STOP, lines that need attention WARN; both say what to do.

It asks the admin endpoint of a running gateway (--admin), also through the API
server of its cluster (--kubeconfig). With --manifests it compiles manifests
instead, without information about health and traffic. It exits with status 1 if
something is wrong.`,
		Example: `  gatelodge explain https://echo.shop.pke.example.com/api
  gatelodge explain --kubeconfig ~/.kube/config echo.shop.pke.example.com
  gatelodge explain --client 10.1.2.3 shop.example.com
  gatelodge explain --manifests deploy/example --config deploy/gateway.yaml echo.shop.pke.example.com`,
		Args: func(command *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("explain takes one URL or name, got %d arguments", len(args))}
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			if err := flags.check(command); err != nil {
				return usageError{err}
			}
			if _, err := parseQuestion(args[0], flags.client); err != nil {
				return usageError{err}
			}
			return explainURL(command.Context(), std, &flags, args[0])
		},
	}
	f := command.Flags()
	f.StringVar(&flags.admin, "admin", "http://127.0.0.1:9080", "`URL` of the admin endpoint of a running gateway")
	f.StringVar(&flags.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` of a cluster, whose API server forwards a port to a pod of the gateway")
	f.StringVar(&flags.namespace, "namespace", "gatelodge", "the `NAMESPACE` of the gateway's pods, with --kubeconfig")
	f.StringSliceVar(&flags.manifests, "manifests", nil, "`PATH` of manifests to explain without a gateway; may be repeated")
	f.StringVar(&flags.config, "config", "", "the gateway's configuration `FILE`, with --manifests")
	f.StringVar(&flags.client, "client", "", "`ADDRESS` of a client, to show whether the address lists let it in")
	f.StringVarP(&flags.output, "output", "o", "text", "`FORMAT`: text or json")
	f.BoolVar(&flags.all, "all", false, "show the details of every step")
	return command
}

func (f *explainFlags) check(command *cobra.Command) error {
	offline := len(f.manifests) > 0
	switch {
	case f.output != "text" && f.output != "json":
		return fmt.Errorf("--output: %q is not a valid format, write text or json", f.output)
	case offline && (command.Flags().Changed("admin") || f.kubeconfig != ""), f.kubeconfig != "" && command.Flags().Changed("admin"):
		return errors.New("explain takes one of --admin, --kubeconfig and --manifests")
	case command.Flags().Changed("namespace") && f.kubeconfig == "":
		return errors.New("--namespace needs --kubeconfig")
	case f.config != "" && !offline:
		return errors.New("--config needs --manifests")
	}
	return nil
}

func explainURL(ctx context.Context, std stdio, flags *explainFlags, text string) error {
	var d *explain.Document
	var err error
	switch {
	case len(flags.manifests) > 0:
		d, err = explainOffline(ctx, std, flags, text)
	case flags.kubeconfig != "":
		d, err = askPod(ctx, flags, text)
	default:
		d, err = askAdmin(ctx, http.DefaultClient, flags.admin, flags, text)
	}
	if err != nil {
		return err
	}
	if flags.output == "json" {
		err = writeDocument(std.out, d)
	} else {
		err = d.WriteText(std.out, explain.TextOptions{Color: isTerminal(std.out) && os.Getenv("NO_COLOR") == "", All: flags.all})
	}
	if err == nil && d.Cause != nil {
		return errProblems
	}
	return err
}

// mostDocument limits the answer of an admin endpoint.
const mostDocument = 16 << 20

// askAdmin asks the admin endpoint of a running gateway.
func askAdmin(ctx context.Context, client *http.Client, base string, flags *explainFlags, text string) (*explain.Document, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	at, err := url.Parse(base)
	if err != nil || at.Host == "" {
		return nil, usageError{fmt.Errorf("--admin: %.255q is not a valid URL, write for example http://127.0.0.1:9080", base)}
	}
	at = at.JoinPath("/api/explain")
	at.RawQuery = url.Values{"url": {text}, "client": {flags.client}}.Encode()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, usageError{fmt.Errorf("--admin: %w", err)}
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the admin endpoint (--admin, --kubeconfig, or --manifests without a gateway): %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostDocument))
	if err != nil {
		return nil, fmt.Errorf("asking the admin endpoint: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the admin endpoint %s answers %d: %.500s", base, response.StatusCode, gatelodge.Printable(strings.TrimSpace(string(body))))
	}
	d := &explain.Document{}
	if err := json.Unmarshal(body, d); err != nil {
		return nil, fmt.Errorf("the admin endpoint %s does not answer with an explanation: %w", base, err)
	}
	if !d.Whole() {
		return nil, fmt.Errorf("the admin endpoint %s does not answer with an explanation", base)
	}
	return d, nil
}

func writeDocument(out io.Writer, d *explain.Document) error {
	text, err := jsonText(d)
	if err == nil {
		_, err = out.Write(text)
	}
	return err
}

// isTerminal reports whether out is a terminal.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
