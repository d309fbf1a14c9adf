package issuer

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatelodge.dev"
)

// lookup queries DNS: addresses through the system's resolver, and texts (TXT
// records) from one name server.
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
	// queryTime limits one query.
	queryTime = 5 * time.Second
	// queryInterval is how often a name server is asked for the response.
	queryInterval = time.Second
)

// awaitSecondaries waits until the name servers of the zone that are not our own
// serve a TXT record, and reports whether all do: a CA may ask any of them.
func (t *term) awaitSecondaries(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, name gatelodge.Name, text string, log *slog.Logger) bool {
	var waiting sync.WaitGroup
	var missing atomic.Bool
	for _, server := range issuance.Secondaries {
		waiting.Go(func() {
			addresses, err := t.addressesOf(ctx, server)
			if err != nil {
				log.Warn("can't find the address of a name server of the zone, continuing", "server", server, "error", err)
				missing.Store(true)
				return
			}
			for _, address := range addresses {
				if !slices.Contains(issuing.Own, address) && !t.awaitText(ctx, netip.AddrPortFrom(address, dnsPort), name, text) {
					log.Warn("a name server does not serve a record for the CA, continuing", "server", server, "address", address, "record", string(name))
					missing.Store(true)
				}
			}
		})
	}
	waiting.Wait()
	return !missing.Load()
}

// addressesOf resolves a name server, which may be given as an address.
func (t *term) addressesOf(ctx context.Context, server string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(server); err == nil {
		return []netip.Addr{address}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	found, err := t.lookup.addresses(ctx, server+".")
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, err
}

// awaitText waits until a name server serves a TXT record, and reports whether it
// does.
func (t *term) awaitText(ctx context.Context, server netip.AddrPort, name gatelodge.Name, text string) bool {
	tick := time.NewTicker(queryInterval)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, queryTime)
		texts, err := t.lookup.texts(limited, server, string(name)+".")
		cancel()
		if err == nil && slices.Contains(texts, text) {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}
