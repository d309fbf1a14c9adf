package dnsserve

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/dnsserve/versions"
)

// The times of NOTIFY (RFC 1996 §3.6). A secondary that does not answer learns of the
// version at its next refresh.
const (
	notifyTries   = 7
	notifyTimeout = 3 * time.Second // for an answer
	notifyPause   = time.Second     // after the first try; doubled after each further try
	notifyAtOnce  = 20              // messages that wait for their answers
)

// notifier notifies secondaries of new versions. Every replica does so once it has the
// version itself, because the load balancer may send the secondary to any replica, and
// a replica that was behind notifies it again.
type notifier struct {
	table func() *table
	log   *slog.Logger
	slots chan struct{}

	mu      sync.Mutex
	due     map[versions.Key]uint32             // the serials to notify, once the zone is live
	telling map[notifyTarget]context.CancelFunc // notifications in progress
	wake    gatelodge.Signal

	counts counts[notifyCount]
}

type notifyTarget struct {
	zone versions.Key
	to   netip.AddrPort
}

// notifyCount is the labels of a count of messages.
type notifyCount struct {
	zone   versions.Key
	result string // answered, refused or failed
}

func (c notifyCount) about() versions.Key { return c.zone }

func newNotifier(table func() *table, log *slog.Logger) *notifier {
	return &notifier{
		table: table, log: log, slots: make(chan struct{}, notifyAtOnce),
		due: make(map[versions.Key]uint32), telling: make(map[notifyTarget]context.CancelFunc),
		wake: gatelodge.NewSignal(),
	}
}

// published notifies the zone's secondaries of a version.
func (n *notifier) published(key versions.Key, v *versions.Version) {
	if !v.Proven {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.due[key] = v.Serial
	n.wake.Raise()
}

// start starts the notifier. The function that it returns ends it.
func (n *notifier) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-n.wake:
				n.tellDue(ctx, &running)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// tellDue sends the due notifications. They replace those in progress for the same
// zones.
func (n *notifier) tellDue(ctx context.Context, running *sync.WaitGroup) {
	t := n.table()
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, serial := range n.due {
		if t == nil || !t.hasZone(key) {
			continue // the Swap is not finished
		}
		delete(n.due, key)
		rules := t.transferOf(key)
		if rules == nil || len(rules.Keys) == 0 {
			continue
		}
		for _, to := range rules.Notify {
			target := notifyTarget{key, to}
			if stop := n.telling[target]; stop != nil {
				stop()
			}
			ctx, cancel := context.WithCancel(ctx)
			n.telling[target] = cancel
			running.Go(func() {
				defer cancel()
				n.tell(ctx, target, rules.Keys[0], serial)
			})
		}
	}
}

// transferOf returns the transfer settings of a zone, or nil if there are none.
func (t *table) transferOf(key versions.Key) *gatelodge.Transfer {
	if x := t.transfers[transferKey{string(wireName(key.Zone)), key.View}]; x != nil {
		return x.source
	}
	return nil
}

// tell repeats the message until it is answered.
func (n *notifier) tell(ctx context.Context, target notifyTarget, key *gatelodge.TransferKey, serial uint32) {
	pause := notifyPause
	for try := 1; ; try++ {
		err := n.send(ctx, target, key, serial)
		if ctx.Err() != nil || err == nil {
			return
		}
		if try == notifyTries {
			n.log.Warn("a secondary can't be notified of a zone's new version", "zone", target.zone.Zone, "view", target.zone.View, "secondary", target.to, "serial", serial, "error", err)
			return
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return
		}
	}
}

// send sends the message once, and waits for the answer.
func (n *notifier) send(ctx context.Context, target notifyTarget, key *gatelodge.TransferKey, serial uint32) error {
	select {
	case n.slots <- struct{}{}:
		defer func() { <-n.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	m := new(dns.Msg)
	m.SetNotify(dns.Fqdn(string(target.zone.Zone)))
	keyName := dns.Fqdn(string(key.Name))
	m.SetTsig(keyName, dns.Fqdn(key.Algorithm), tsigFudge, time.Now().Unix())
	client := dns.Client{Timeout: notifyTimeout, TsigSecret: map[string]string{keyName: base64.StdEncoding.EncodeToString(key.Secret)}}
	reply, _, err := client.ExchangeContext(ctx, m, target.to.String())
	result := "answered"
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case reply != nil && reply.Rcode != dns.RcodeSuccess:
		result, err = "refused", fmt.Errorf("it answers %s", dns.RcodeToString[reply.Rcode])
	case err != nil:
		result = "failed"
	}
	n.counts.add(notifyCount{target.zone, result})
	return err
}

// forget drops the state of zones that t, the new live table, does not have.
func (n *notifier) forget(t *table) {
	n.counts.forget(t)
	n.mu.Lock()
	defer n.mu.Unlock()
	for target, stop := range n.telling {
		if !t.hasZone(target.zone) {
			stop()
			delete(n.telling, target)
		}
	}
	for key := range n.due {
		if !t.hasZone(key) {
			delete(n.due, key)
		}
	}
	n.wake.Raise()
}
