package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatelodge.dev/cmd/gatelodge/compare"
)

func compareCommand(std stdio) *cobra.Command {
	var flags compareFlags
	command := &cobra.Command{
		Use:   "compare --a ADDRESS --b ADDRESS [FILE|-]",
		Short: "Send the same requests to two gateways, and print how their answers differ",
		Long: `Compare reads URLs or an access log from a file or from standard input, sends each
different request to both addresses, and prints how the answers differ: status,
Location, the chosen fields, and with --bodies the bodies. It connects to the given
addresses, with the host of the URL in request and handshake, and does not look up
names in DNS.

A line is a URL, a method and a URL, or a line of an access log: nginx's combined
format, the default format of ingress-nginx, or Gatelodge's JSON. nginx's logs
contain no host, so give it with --base.

It sends only GET, HEAD and OPTIONS, unless --methods lists others, and never a
body. Requests whose answers differ are repeated: if a server answers differently
each time, that is only counted. Values of cookies are not compared, nor are fields
that always differ, such as Date, Server and X-Request-Id.

The exit status is 0 if the answers are the same. It is 1 if an answer differs, a
request got no answer from either, nothing was compared, or compare failed; and 2 if
the command line is invalid.`,
		Example: `  gatelodge compare --a 192.0.2.10 --b 192.0.2.20 urls.txt
  gatelodge compare --a 192.0.2.10 --b 192.0.2.20 --base https://web.example.com --rate 5 access.log
  kubectl logs -n gatelodge deploy/gatelodge | gatelodge compare --a 192.0.2.10 --b 192.0.2.20 --output json -`,
		Args: func(command *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("%s takes one file, got %d", command.CommandPath(), len(args))}
			}
			return nil
		},
		RunE: func(command *cobra.Command, files []string) error {
			return compareAnswers(command.Context(), std, &flags, strings.Join(files, ""))
		},
	}
	f := command.Flags()
	f.StringVar(&flags.a, "a", "", "`ADDRESS` of the first gateway: IP, IP:PORT, or http=IP:PORT,https=IP:PORT")
	f.StringVar(&flags.b, "b", "", "`ADDRESS` of the second gateway")
	f.StringVar(&flags.base, "base", "", "`URL` with the scheme and host for log lines without them")
	f.StringVar(&flags.fields, "fields", strings.Join(compare.DefaultFields(), ","), "`NAMES` of fields to compare, or all")
	f.StringVar(&flags.ignore, "ignore", "", "`NAMES` of fields not to compare")
	f.BoolVar(&flags.bodies, "bodies", false, "compare bodies too, up to 16 MiB of each")
	f.StringVar(&flags.methods, "methods", strings.Join(compare.SafeMethods(), ","), "`METHODS` to send")
	f.StringArrayVar(&flags.headers, "header", nil, "`FIELD` to send with each request, such as \"Accept-Encoding: gzip\"; may be repeated")
	f.Float64Var(&flags.rate, "rate", 20, "maximum of requests a second to each gateway")
	f.IntVar(&flags.concurrency, "concurrency", 4, "maximum of requests at a time")
	f.IntVar(&flags.most, "most", 10_000, "maximum of different requests; the rest is only counted")
	f.DurationVar(&flags.timeout, "timeout", 30*time.Second, "maximum time for one answer")
	f.StringVar(&flags.ca, "ca", "", "`FILE` of root certificates in PEM to verify both gateways, instead of the system's")
	f.BoolVar(&flags.insecure, "insecure", false, "do not verify certificates")
	f.StringVar(&flags.output, "output", "text", "`FORMAT` of the report: text or json")
	return command
}

type compareFlags struct {
	a, b, base, fields, ignore, methods, ca, output string
	bodies, insecure                                bool
	headers                                         []string
	rate                                            float64
	concurrency, most                               int
	timeout                                         time.Duration
}

// options checks the flags.
func (f *compareFlags) options() (opts compare.Options, base *url.URL, err error) {
	opts = compare.Options{
		Fields: compare.Names(f.fields), Ignore: compare.Names(f.ignore), Bodies: f.bodies, Header: make(http.Header),
		Rate: f.rate, Concurrency: f.concurrency, Most: f.most, Timeout: f.timeout, Insecure: f.insecure,
	}
	for _, name := range compare.Names(f.methods) {
		opts.Methods = append(opts.Methods, strings.ToUpper(name))
	}
	if f.output != "text" && f.output != "json" {
		return opts, nil, fmt.Errorf("--output: %q is not a valid format, write text or json", f.output)
	}
	if f.a == "" || f.b == "" {
		return opts, nil, errors.New("compare needs --a ADDRESS and --b ADDRESS")
	}
	if opts.A, err = compare.ParseAddress(f.a); err != nil {
		return opts, nil, fmt.Errorf("--a: %w", err)
	}
	if opts.B, err = compare.ParseAddress(f.b); err != nil {
		return opts, nil, fmt.Errorf("--b: %w", err)
	}
	if f.base != "" {
		base, err = url.Parse(f.base)
		if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
			return opts, nil, fmt.Errorf("--base: %q is not a valid URL, write one like https://web.example.com", f.base)
		}
	}
	for _, line := range f.headers {
		name, value, found := strings.Cut(line, ":")
		if !found || strings.TrimSpace(name) == "" {
			return opts, nil, fmt.Errorf("--header: %q is not a field, write one like \"Accept-Language: de\"", line)
		}
		opts.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return opts, base, opts.Check()
}

// compareAnswers runs the comparison and prints the report.
func compareAnswers(ctx context.Context, std stdio, flags *compareFlags, file string) error {
	opts, base, err := flags.options()
	if err != nil {
		return usageError{err}
	}
	if flags.ca != "" {
		if opts.Roots, err = readRoots(flags.ca); err != nil {
			return err
		}
	}
	in := std.in
	if file != "" && file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return err
		}
		defer opened.Close()
		in = opened
	}
	return compareLines(ctx, std, opts, in, base, flags.output == "json")
}

func compareLines(ctx context.Context, std stdio, opts compare.Options, in io.Reader, base *url.URL, asJSON bool) error {
	report := compare.Report{A: opts.A.String(), B: opts.B.String()}
	var failed error // of writing
	summary, err := compare.Run(ctx, compare.Lines(in, base), opts,
		func(result compare.Result) {
			if asJSON {
				report.Add(result)
			} else if err := result.WriteText(std.out, opts.A, opts.B); err != nil {
				failed = err
			}
		},
		func(err error) { fmt.Fprintf(std.err, "%v\n", err) })
	report.Summary = summary
	if asJSON {
		failed = report.WriteJSON(std.out)
	} else if err := summary.WriteText(std.out); err != nil {
		failed = err
	}
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return err
	case summary.Compared == 0:
		return errors.New("there was nothing to compare")
	case summary.Different > 0:
		return errProblems
	}
	return nil
}

// readRoots reads root certificates in PEM.
func readRoots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading root certificates: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("there is no certificate in %s", file)
	}
	return roots, nil
}
