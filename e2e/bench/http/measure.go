package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// measure runs a row against a freshly started peer.
//
// The load runs in a process of its own, on its core, and reports in lines on its
// output when it begins and ends to count; what the peer has used is read then.
func (b *bench) measure(ctx context.Context, peer string, row row, period time.Duration) (float64, error) {
	proxy, err := b.startPeer(ctx, peer)
	if err != nil {
		return 0, err
	}
	defer end(proxy)
	address := b.http
	if row.tls {
		address = b.https
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	load := exec.CommandContext(ctx, "taskset", "-c", loadCore, self, loadCommand, row.name, address.String(), period.String())
	load.Stderr = os.Stderr
	input, err := load.StdinPipe() // its end is the sign to end
	if err != nil {
		return 0, err
	}
	output, err := load.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := load.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewReader(output)
	value, err := b.count(ctx, peer, proxy.Process.Pid, row, lines)
	input.Close()
	if failure := load.Wait(); failure != nil {
		return 0, fmt.Errorf("load: %w", failure)
	}
	return value, err
}

// startPeer starts a peer and waits until it accepts connections.
func (b *bench) startPeer(ctx context.Context, peer string) (*exec.Cmd, error) {
	command, err := b.command(peer)
	if err != nil {
		return nil, err
	}
	proxy, err := b.start(ctx, proxyCore, peer, command...)
	if err != nil {
		return nil, err
	}
	if err := accepts(ctx, b.http, b.https); err != nil {
		end(proxy)
		said, _ := os.ReadFile(filepath.Join(b.dir, peer+".log")) // what there is of it
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return proxy, nil
}

// count reads what the peer has used when the load says that it begins, and
// again when it is done.
func (b *bench) count(ctx context.Context, peer string, proxy int, row row, lines io.Reader) (float64, error) {
	var requests int
	if _, err := fmt.Fscanln(lines, &requests); err != nil {
		return 0, fmt.Errorf("the load did not begin: %w", err)
	}
	used, had, err := usage(proxy)
	if err != nil {
		return 0, err
	}
	if b.profile != "" && peer == "gatelodge" && row.idle == 0 {
		go b.saveProfile(ctx, row.name)
	}
	if _, err := fmt.Fscanln(lines, &requests); err != nil {
		return 0, fmt.Errorf("the load did not end: %w", err)
	}
	if requests == 0 {
		return 0, errors.New("nothing was answered")
	}
	if row.idle > 0 {
		settle(ctx)
	}
	usedThen, hasNow, err := usage(proxy)
	if err != nil {
		return 0, err
	}
	if row.idle > 0 {
		return float64(hasNow-had) / float64(row.idle) / 1024, nil
	}
	return float64((usedThen - used).Microseconds()) / float64(requests), nil
}

func usage(proxy int) (time.Duration, int, error) {
	used, err := cpu(proxy)
	if err != nil {
		return 0, 0, err
	}
	memory, err := resident(proxy)
	return used, memory, err
}

// settle gives a proxy that collects garbage the time to give memory back, as
// one has whose connections are idle.
func settle(ctx context.Context) {
	select {
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
}

// saveProfile keeps a CPU profile of what Gatelodge does in a row.
func (b *bench) saveProfile(ctx context.Context, row string) {
	err := func() error {
		r, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("http://%s/debug/pprof/profile?seconds=2", b.admin), nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		file, err := os.Create(filepath.Join(b.profile, row+".pprof"))
		if err != nil {
			return err
		}
		_, err = io.Copy(file, answer.Body)
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "profile:", err)
	}
}
