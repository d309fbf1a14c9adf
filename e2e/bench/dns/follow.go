package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	followZone  = "pke.example.com."
	followPause = 20 * time.Millisecond // between two looks at the serials
	followQuiet = 5 * time.Second       // without another serial: all changes have one
	followLimit = time.Minute           // for the secondary to have the last
	followKey   = "c2VjcmV0IG9mIHRoZSB0cmFuc2ZlcnMgaW4gdGVzdHM="
)

// compareFollowing prints what it costs that a secondary follows the zone while that
// changes ten times a second: the CPU time and memory of the gateway, what is stored
// with the serial (in a cluster the ConfigMap), and how far behind the secondary is.
func compareFollowing(ctx context.Context, dir string, o options) error {
	if err := writeFollowing(dir); err != nil {
		return err
	}
	gateway, err := start(ctx, "gatelodge", dir, "0,1", 2, o)
	if err != nil {
		return err
	}
	defer gateway.stop()
	secondary, err := start(ctx, "secondary", dir, "0,1", 2, o)
	if err != nil {
		return err
	}
	defer secondary.stop()
	f := follower{gateway: gateway, secondary: secondary}
	settled := func() bool { return f.quiet() && f.told == f.had }
	if err := f.watch(settled); err != nil {
		return err
	}
	for took := followQuiet; took > followQuiet/50; { // what it does at the start is over
		took, err = spent(gateway, func() error {
			time.Sleep(followQuiet)
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	f = follower{gateway: gateway, secondary: secondary, told: f.told, had: f.had}
	changes := 0
	changing, err := spent(gateway, func() error {
		stop := change(filepath.Join(dir, "manifests"))
		defer func() { changes = stop() }()
		return f.watch(func() bool { return f.took >= o.duration })
	})
	if err != nil {
		return err
	}
	memory, err := gateway.memory()
	if err != nil {
		return err
	}
	if err := f.watch(settled); err != nil {
		return err
	}
	still, err := spent(gateway, func() error {
		time.Sleep(o.duration)
		return nil
	})
	if err != nil {
		return err
	}
	size, err := itemSize(filepath.Join(dir, "state"))
	if err != nil {
		return err
	}
	fmt.Printf("%d names, %d changes in %s: %d serials, the secondary had %d of them and the last; it was behind for %s at most\n",
		o.names, changes, o.duration, f.serials, f.followed, f.behind.Round(time.Millisecond))
	fmt.Printf("%d names: the gateway took %.1f %% of a core, %.1f %% without changes; RSS %d MiB; %d KiB are stored with the serial\n",
		o.names, 100*changing.Seconds()/o.duration.Seconds(), 100*still.Seconds()/o.duration.Seconds(), memory>>10, size>>10)
	return nil
}

// writeFollowing has the gateway give copies to a Knot, and writes its configuration.
func writeFollowing(dir string) error {
	file := filepath.Join(dir, "gateway.yaml")
	config, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	transfer := fmt.Sprintf("    transfer: {to: [\"127.0.0.1:5303\"], tsigFile: %q}\n    records: |\n", filepath.Join(dir, "keys"))
	text := fmt.Sprintf("state: %q\n", filepath.Join(dir, "state")) + strings.Replace(string(config), "    records: |\n", transfer, 1)
	return errors.Join(
		os.Mkdir(filepath.Join(dir, "copy"), 0o700),
		os.WriteFile(file, []byte(text), 0o600),
		os.WriteFile(filepath.Join(dir, "keys"), []byte(`key "transfer.example" { algorithm hmac-sha256; secret "`+followKey+`"; };`), 0o600),
		os.WriteFile(filepath.Join(dir, "secondary.conf"), fmt.Appendf(nil, secondaryConfig, filepath.Join(dir, "copy"), followKey), 0o600),
	)
}

const secondaryConfig = `server:
  rundir: %[1]s
  listen: 127.0.0.1@5303
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: %[1]s
key:
  - id: transfer.example
    algorithm: hmac-sha256
    secret: %[2]s
remote:
  - id: gateway
    address: 127.0.0.1@5306
    key: transfer.example
acl:
  - id: notified
    key: transfer.example
    action: notify
zone:
  - domain: pke.example.com
    storage: %[1]s
    master: gateway
    acl: notified
    zonefile-sync: -1
`

// follower looks at the serials of both servers.
type follower struct {
	gateway, secondary *server
	told, had          uint32 // the last of each
	serials, followed  int
	since              time.Time // when the gateway had told
	took, behind       time.Duration
}

// watch looks until done.
func (f *follower) watch(done func() bool) error {
	for began := time.Now(); !done(); f.took = time.Since(began) {
		told, err := serialOf(f.gateway.address)
		if err != nil {
			return fmt.Errorf("the gateway: %w", err)
		}
		had, err := serialOf(f.secondary.address)
		if err != nil {
			return fmt.Errorf("the secondary: %w", err)
		}
		now := time.Now()
		if told != f.told {
			f.told, f.since = told, now
			f.serials++
		}
		if had != f.had {
			f.had = had
			f.followed++
		}
		if f.had != f.told {
			f.behind = max(f.behind, now.Sub(f.since))
		}
		if f.took > followLimit+followQuiet && now.Sub(f.since) > followLimit {
			return fmt.Errorf("the secondary has serial %d, the gateway %d", f.had, f.told)
		}
		time.Sleep(followPause)
	}
	return nil
}

func (f *follower) quiet() bool { return time.Since(f.since) > followQuiet }

func serialOf(address string) (uint32, error) {
	var reply *dns.Msg
	var err error
	for range 3 { // a query may be lost on a busy machine
		if reply, err = dns.Exchange(new(dns.Msg).SetQuestion(followZone, dns.TypeSOA), address); err == nil {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, fmt.Errorf("no SOA record: %s", dns.RcodeToString[reply.Rcode])
}

// spent returns the CPU time that a server takes while f runs.
func spent(s *server, f func() error) (time.Duration, error) {
	before, err := s.cpu()
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := s.cpu()
	return after - before, err
}

// memory returns the server's resident set in KiB (proc(5)).
func (s *server) memory() (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return strconv.Atoi(number)
}

// itemSize returns the octets of what is stored of zones below a folder.
func itemSize(folder string) (size int64, err error) {
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, "zone-") {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
