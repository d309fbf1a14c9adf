package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	swapEvery = 100 * time.Millisecond
	askEvery  = time.Millisecond // by each asker
	askers    = 2
)

// compareSwaps prints the latencies of queries while the zone stays as it is,
// and while it changes ten times a second, in turns.
func compareSwaps(ctx context.Context, dir string, o options) error {
	s, err := start(ctx, "gatelodge", dir, "0,1", 2, o)
	if err != nil {
		return err
	}
	defer s.stop()
	var still, changing []float64
	for range o.rounds {
		quiet, err := latency(ctx, s, o.duration)
		if err != nil {
			return err
		}
		stop := change(filepath.Join(dir, "manifests"))
		busy, err := latency(ctx, s, o.duration)
		changes := stop()
		if err != nil {
			return err
		}
		fmt.Printf("%d names: p99 %.0f µs; with %d changes %.0f µs\n", o.names, quiet, changes, busy)
		still, changing = append(still, quiet), append(changing, busy)
	}
	fmt.Printf("%d names, a swap every %s: p99 %.2f times as long\n", o.names, swapEvery, median(changing)/median(still))
	return nil
}

// change gives the zone another host every now and then, until it is stopped.
func change(manifests string) (stop func() (changes int)) {
	done, ended := make(chan struct{}), make(chan struct{})
	changes := 0
	go func() {
		defer close(ended)
		tick := time.NewTicker(swapEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				file := filepath.Join(manifests, "ingress.yaml")
				text := fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\n"+
					"spec: {rules: [{host: x%d.pke.example.com}]}\n", time.Now().UnixNano())
				if os.WriteFile(file+".new", []byte(text), 0o600) == nil && os.Rename(file+".new", file) == nil {
					changes++
				}
			}
		}
	}()
	return func() int {
		close(done)
		<-ended
		return changes
	}
}

// latency returns the 99th percentile of the time that a reply takes, in
// microseconds. Queries are sent by the clock, whether or not the last one was
// answered, so that a stall counts for all who would have met it.
func latency(ctx context.Context, s *server, d time.Duration) (p99 float64, err error) {
	var (
		all    []float64
		failed error
		mu     sync.Mutex
		group  sync.WaitGroup
	)
	for range askers {
		group.Go(func() {
			took, err := askSteadily(ctx, s.address, d)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			if err != nil {
				failed = err
			}
		})
	}
	group.Wait()
	if failed != nil {
		return 0, failed
	}
	slices.Sort(all)
	return all[len(all)*99/100], nil
}

// askSteadily asks for one name at fixed intervals, and returns what each reply
// took from when its query was due.
func askSteadily(ctx context.Context, address string, d time.Duration) (took []float64, err error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	queries := int(d / askEvery)
	began := time.Now()
	go func() {
		for i := range min(queries, 1<<16) {
			time.Sleep(time.Until(began.Add(time.Duration(i) * askEvery)))
			query := new(dns.Msg).SetQuestion(name(0)+".pke.example.com.", dns.TypeA)
			query.Id = uint16(i)
			packet, err := query.Pack()
			if err != nil || ctx.Err() != nil {
				return
			}
			conn.Write(packet)
		}
	}()
	reply := make([]byte, 1500)
	conn.SetReadDeadline(began.Add(d + 2*time.Second))
	for range queries {
		if _, err := conn.Read(reply); err != nil {
			return nil, fmt.Errorf("%d of %d queries were answered: %w", len(took), queries, err)
		}
		due := began.Add(time.Duration(uint16(reply[0])<<8|uint16(reply[1])) * askEvery)
		took = append(took, float64(time.Since(due).Microseconds()))
	}
	return took, nil
}
