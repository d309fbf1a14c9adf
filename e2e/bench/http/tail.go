package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// The commands that make this program the endpoints of the comparison of tails:
// endpoints PORT, and its load: tail HOST ADDRESS PERIOD.
const (
	endpointsCommand = "endpoints"
	tailCommand      = "tail"
)

// How long an endpoint takes for an answer. The last one is the slow one.
const (
	usual = 5 * time.Millisecond
	slow  = 20 * usual
)

// tailRate is how many requests a second are sent, at even distances and whether or
// not those before are answered.
const tailRate = 400

// tailWarmUp is how long the load runs before it counts.
const tailWarmUp = 2 * time.Second

// variant is one way to choose among ten endpoints of which one is slow.
type variant struct{ peer, host, about string }

var variants = []variant{
	{"nginx", "turns.example.test", "round robin"},
	{"nginx", "least.example.test", "least_conn"},
	{"haproxy", "turns.example.test", "roundrobin"},
	{"haproxy", "least.example.test", "leastconn"},
	{"gatelodge", "turns.example.test", "round_robin"},
	{"gatelodge", "least.example.test", "least_request"},
	{"gatelodge", "ewma.example.test", "ewma"},
}

// tenAddresses are those of the endpoints, which share a port.
func tenAddresses() []netip.Addr {
	addresses := make([]netip.Addr, 10)
	for i := range addresses {
		addresses[i] = netip.AddrFrom4([4]byte{127, 0, 0, byte(11 + i)})
	}
	return addresses
}

func runEndpoints(args []string) error {
	if len(args) != 1 {
		return errors.New("usage: endpoints PORT")
	}
	ended := make(chan error)
	for i, address := range tenAddresses() {
		takes := usual
		if i == 9 {
			takes = slow
		}
		l, err := net.Listen("tcp", net.JoinHostPort(address.String(), args[0]))
		if err != nil {
			return err
		}
		go func() {
			ended <- http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(takes)
				_, _ = io.WriteString(w, "answered\n")
			}))
		}()
	}
	return <-ended
}

// percentiles are those that are compared.
var percentiles = [3]int{50, 95, 99}

// runTail sends requests by the clock for a while, and prints the percentiles, in
// milliseconds, of the times from when each was due to its answer.
func runTail(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: tail HOST ADDRESS PERIOD")
	}
	period, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}
	took := make([]time.Duration, int(period.Seconds()*tailRate))
	errs := make([]error, len(took))
	warm := int(tailWarmUp.Seconds() * tailRate)
	began := time.Now()
	var requests sync.WaitGroup
	for i := range warm + len(took) {
		due := began.Add(time.Duration(i) * time.Second / tailRate)
		time.Sleep(time.Until(due))
		requests.Go(func() {
			err := ask(client, args[0], args[1])
			if i >= warm {
				took[i-warm], errs[i-warm] = time.Since(due), err
			}
		})
	}
	requests.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.Sort(took)
	for _, p := range percentiles {
		fmt.Println(float64(took[len(took)*p/100].Microseconds()) / 1000)
	}
	return nil
}

func ask(client *http.Client, host, address string) error {
	r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return err
	}
	r.Host = host
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("wrong answer: %s", answer.Status)
	}
	return nil
}

// compareTails measures all variants of the peers, in turns.
func (b *bench) compareTails(ctx context.Context, peers []string, rounds int, period time.Duration) error {
	took := make(map[variant][len(percentiles)][]float64)
	for range rounds {
		for _, v := range variants {
			if !slices.Contains(peers, v.peer) {
				continue
			}
			values, err := b.tail(ctx, v, period)
			if err != nil {
				return errors.Join(fmt.Errorf("%s, %s: %w", v.peer, v.about, err), ctx.Err())
			}
			fmt.Printf("%-9s %-13s %6.1f ms\n", v.peer, v.about, values)
			all := took[v]
			for i, value := range values {
				all[i] = append(all[i], value)
			}
			took[v] = all
		}
	}
	fmt.Print("\n| peer | chooses by | p50 | p95 | p99 | p99 to that of nginx in turns |\n|---|---|--:|--:|--:|--:|\n")
	for _, v := range variants {
		if all := took[v]; len(all[0]) > 0 {
			fmt.Printf("| %s | %s | %.1f ms | %.1f ms | %.1f ms | %.2f |\n", v.peer, v.about,
				median(all[0]), median(all[1]), median(all[2]), median(all[2])/median(took[variants[0]][2]))
		}
	}
	return nil
}

// tail measures a variant with a freshly started peer.
func (b *bench) tail(ctx context.Context, v variant, period time.Duration) (values [len(percentiles)]float64, err error) {
	proxy, err := b.startPeer(ctx, v.peer)
	if err != nil {
		return values, err
	}
	defer end(proxy)
	self, err := os.Executable()
	if err != nil {
		return values, err
	}
	load := exec.CommandContext(ctx, "taskset", "-c", loadCore, self, tailCommand, v.host, b.http.String(), period.String())
	load.Stderr = os.Stderr
	output, err := load.Output()
	if err != nil {
		return values, fmt.Errorf("load: %w", err)
	}
	_, err = fmt.Sscan(string(output), &values[0], &values[1], &values[2])
	return values, err
}
