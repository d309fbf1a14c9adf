// Command http measures what a proxied request costs Gatelodge, nginx and
// HAProxy, side by side: CPU time of the proxy per request, and memory per idle
// connection. With -tails it compares how long requests take instead, where one of
// ten endpoints is 20 times slower than the others, by the algorithms of each.
//
// The proxy has core 0 to itself; this program's load and an nginx as backend
// share core 1. Every answer is checked. It prints a line for each run, and in
// the end the medians and their ratios to nginx's. It needs nginx, taskset and
// Go on the PATH, takes haproxy if it is there, and installs nothing. All
// traffic is on the loopback interface.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == loadCommand {
		return runLoad(args[1:])
	}
	if len(args) > 0 && args[0] == backendCommand {
		return runBackend(args[1:])
	}
	if len(args) > 0 && args[0] == endpointsCommand {
		return runEndpoints(args[1:])
	}
	if len(args) > 0 && args[0] == tailCommand {
		return runTail(args[1:])
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "runs of each row and peer, of which the median counts")
	period := flags.Duration("period", 3*time.Second, "time that a run measures")
	only := flags.String("rows", "", "rows to measure, separated by commas; empty: all")
	with := flags.String("peers", "nginx,haproxy,gatelodge", "proxies to measure")
	tails := flags.Bool("tails", false, "compare instead how long requests take where one of ten endpoints is 20 times slower")
	profile := flags.String("profile", "", "folder for a CPU profile of Gatelodge for each row")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, program := range []string{"nginx", "taskset"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is needed and not there", program)
		}
	}
	bench, err := setUp(ctx)
	if err != nil {
		return err
	}
	defer bench.close()
	bench.profile = *profile

	peers := strings.Split(*with, ",")
	if _, err := exec.LookPath("haproxy"); err != nil {
		fmt.Println("haproxy is not there and left out")
		peers = slices.DeleteFunc(peers, func(p string) bool { return p == "haproxy" })
	}
	if *tails {
		return bench.compareTails(ctx, peers, *rounds, *period)
	}
	results := make(results)
	for _, row := range rows {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), row.name) {
			continue
		}
		for range *rounds {
			for _, peer := range peers {
				value, err := bench.measure(ctx, peer, row, *period)
				if err != nil {
					return errors.Join(fmt.Errorf("%s, %s: %w", row.name, peer, err), ctx.Err())
				}
				fmt.Printf("%-8s %-9s %7.1f %s\n", row.name, peer, value, row.unit)
				results.add(row.name, peer, value)
			}
		}
	}
	results.print(os.Stdout, peers)
	return nil
}
