package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// compareCPU prints the CPU time of each query, by load and server, and the
// largest share of queries that was lost in a round.
func compareCPU(ctx context.Context, dir string, o options) error {
	for _, load := range o.loads {
		took, lost := make(map[string][]float64), make(map[string]float64)
		for range o.rounds {
			for _, peer := range o.peers {
				round, err := measureCPU(ctx, peer, filepath.Join(dir, load), dir, o)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", load, peer, err)
				}
				took[peer] = append(took[peer], round.perQuery)
				lost[peer] = max(lost[peer], round.lost)
			}
		}
		fmt.Printf("%d names, %s:", o.names, load)
		ours := median(took["gatelodge"])
		for _, peer := range o.peers {
			fmt.Printf("  %s %.2f µs lost %.2f%%", peer, median(took[peer]), lost[peer])
			if peer != "gatelodge" && ours > 0 {
				fmt.Printf(" (ours is %.2f of it)", ours/median(took[peer]))
			}
		}
		fmt.Println()
	}
	return nil
}

// round is what one server did with one load.
type round struct {
	answered int
	lost     float64 // percent
	perQuery float64 // microseconds of CPU time
}

// measureCPU starts one server and loads it.
func measureCPU(ctx context.Context, peer, queries, dir string, o options) (r round, err error) {
	s, err := start(ctx, peer, dir, "0", 1, o)
	if err != nil {
		return r, err
	}
	defer s.stop()
	if _, err := perform(ctx, s, queries, time.Second); err != nil { // warm up
		return r, err
	}
	before, err := s.cpu()
	if err != nil {
		return r, err
	}
	if r, err = perform(ctx, s, queries, o.duration); err != nil {
		return r, err
	}
	after, err := s.cpu()
	r.perQuery = float64((after - before).Microseconds()) / float64(r.answered)
	return r, err
}

var (
	completed = regexp.MustCompile(`Queries completed: +(\d+) \(([\d.]+)%\)`)
	wrong     = regexp.MustCompile(`Response codes:.*(FORMERR|SERVFAIL|NOTIMP|REFUSED)`)
)

// perform loads the server. It fails if any reply says other than NOERROR or
// NXDOMAIN.
func perform(ctx context.Context, s *server, queries string, d time.Duration) (r round, err error) {
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		return r, err
	}
	out, err := exec.CommandContext(ctx, "taskset", "-c", "1", "dnsperf", "-s", host, "-p", port, "-d", queries,
		"-l", strconv.FormatFloat(d.Seconds(), 'f', -1, 64), "-c", "8", "-q", "400").CombinedOutput()
	match := completed.FindSubmatch(out)
	if err != nil || match == nil {
		return r, fmt.Errorf("dnsperf: %w\n%s", err, out)
	}
	if wrong.Match(out) {
		return r, fmt.Errorf("replies were wrong:\n%s", out)
	}
	r.answered, err = strconv.Atoi(string(match[1]))
	if err != nil {
		return r, err
	}
	share, err := strconv.ParseFloat(string(match[2]), 64)
	r.lost = 100 - share
	return r, err
}

func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}
