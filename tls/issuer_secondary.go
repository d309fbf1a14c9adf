package tls

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gatelodge.dev"
)

// lookup is how other name servers are found and asked.
type lookup struct {
	addresses func(ctx context.Context, name string) ([]netip.Addr, error)
	texts     func(ctx context.Context, server netip.AddrPort, name string) ([]string, error)
}

func systemLookup() lookup {
	return lookup{
		addresses: func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		},
		texts: func(ctx context.Context, server netip.AddrPort, name string) ([]string, error) {
			resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, server.String())
			}}
			return resolver.LookupTXT(ctx, name)
		},
	}
}

const (
	dnsPort = 53
	// askTime is for how long one name server is waited for.
	askTime = 5 * time.Second
	// askAgain is after what time one is asked again that has not the answer.
	askAgain = time.Second
)

// awaitSecondaries waits until the name servers of the zone that are not our own
// have the answer: a CA may ask any of them.
func (t *term) awaitSecondaries(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, answer gatelodge.Challenge, log *slog.Logger) {
	var asking sync.WaitGroup
	for _, server := range issuance.Secondaries {
		asking.Go(func() {
			addresses, err := t.addressesOf(ctx, server)
			if err != nil {
				log.Warn("a name server of the zone is not found, the CA is asked all the same", "server", server, "error", err)
				return
			}
			for _, address := range addresses {
				if !slices.Contains(issuing.Own, address) && !t.has(ctx, netip.AddrPortFrom(address, dnsPort), answer) {
					log.Warn("a name server does not have the answer to a challenge, the CA is asked all the same", "server", server, "address", address)
				}
			}
		})
	}
	asking.Wait()
}

// addressesOf resolves a name server, which may be an address already.
func (t *term) addressesOf(ctx context.Context, server string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(server); err == nil {
		return []netip.Addr{address}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	found, err := t.lookup.addresses(ctx, server+".")
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, err
}

// has waits until a name server has the answer, and tells whether it does.
func (t *term) has(ctx context.Context, server netip.AddrPort, answer gatelodge.Challenge) bool {
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		asking, cancel := context.WithTimeout(ctx, askTime)
		texts, err := t.lookup.texts(asking, server, "_acme-challenge."+string(answer.Name)+".")
		cancel()
		if err == nil && slices.Contains(texts, answer.Response) {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}
