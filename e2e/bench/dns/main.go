// Command dns compares DNS servers side by side on this machine: the CPU time
// that a server takes for a query over UDP, what changes of the zone cost the
// queries meanwhile, and what they cost with a secondary that follows.
//
// The server has core 0 to itself and the load core 1. Each figure is the median
// of several rounds, in which the servers take turns, so that whatever else the
// machine does meets all of them; ratios mean more than figures. It needs
// dnsperf, knotd and taskset.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	gatelodge string
	names     int
	rounds    int
	duration  time.Duration
	loads     []string
	peers     []string
	swaps     bool
	follow    bool
}

func main() {
	var o options
	loads := flag.String("loads", "mixed,positive,nxdomain", "kinds of load")
	peers := flag.String("peers", "knot,coredns,gatelodge", "servers to compare")
	flag.StringVar(&o.gatelodge, "gatelodge", "../bin/gatelodge", "the program")
	flag.IntVar(&o.names, "names", 1000, "names in the zone")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of each load")
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "of a round")
	flag.BoolVar(&o.swaps, "swaps", false, "measure latencies while the zone changes, instead")
	flag.BoolVar(&o.follow, "follow", false, "measure what it costs that a secondary follows, instead")
	flag.Parse()
	o.loads, o.peers = strings.Split(*loads, ","), strings.Split(*peers, ",")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "gatelodge-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeZone(dir, o.names); err != nil {
		return err
	}
	if o.follow {
		return compareFollowing(ctx, dir, o)
	}
	if o.swaps {
		return compareSwaps(ctx, dir, o)
	}
	return compareCPU(ctx, dir, o)
}
