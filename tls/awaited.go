package tls

import (
	"sync"

	"gatelodge.dev"
)

// maxAwaited limits the names that are remembered.
const maxAwaited = 1 << 16

// awaited remembers hosts without a certificate for which clients asked at this
// replica.
type awaited struct {
	mu    sync.Mutex
	hosts map[gatelodge.Name]bool
	fresh []gatelodge.Name // since they were taken
}

func (a *awaited) note(host gatelodge.Name) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hosts[host] || host == "" {
		return
	}
	if a.hosts == nil || len(a.hosts) >= maxAwaited {
		a.hosts, a.fresh = make(map[gatelodge.Name]bool), nil
	}
	a.hosts[host] = true
	a.fresh = append(a.fresh, host)
}

// TakeAwaited returns the hosts without a certificate for which clients have asked,
// each once: those of this call are not among those of the next.
func (s *Server) TakeAwaited() []gatelodge.Name {
	a := &s.awaited
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh := a.fresh
	a.fresh = nil
	return fresh
}
