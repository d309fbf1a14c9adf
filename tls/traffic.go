package tls

import (
	"sync"

	"gatelodge.dev"
)

// maxAwaited limits the names that are remembered.
const maxAwaited = 1 << 16

// traffic remembers hosts without a certificate for which clients asked at this
// replica. The issuer orders theirs first.
type traffic struct {
	mu    sync.Mutex
	hosts map[gatelodge.Name]bool
	fresh []gatelodge.Name // since they were taken
}

func (t *traffic) note(host gatelodge.Name) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hosts[host] || host == "" {
		return
	}
	if t.hosts == nil || len(t.hosts) >= maxAwaited {
		t.hosts, t.fresh = make(map[gatelodge.Name]bool), nil
	}
	t.hosts[host] = true
	t.fresh = append(t.fresh, host)
}

// take returns the hosts that were asked for since it was called last.
func (t *traffic) take() []gatelodge.Name {
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh := t.fresh
	t.fresh = nil
	return fresh
}
