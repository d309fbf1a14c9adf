package proxy

import (
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// keptRequests is how many of the last requests for a host are kept.
const keptRequests = 8

// recent contains the last requests for a host, for explanations. It outlives the
// tables. No request ever waits for it: of requests that end at the same moment, only
// one is recorded.
type recent struct {
	mu   sync.Mutex
	ring *[keptRequests]gatelodge.Handled // nil: there was no request yet
	next int                              // the index of the next one; below keptRequests
}

// note records a request that has ended.
func (k *recent) note(r *request, took time.Duration) {
	if !k.mu.TryLock() {
		return
	}
	defer k.mu.Unlock()
	if k.ring == nil {
		k.ring = new([keptRequests]gatelodge.Handled)
	}
	h := &k.ring[k.next]
	k.next = (k.next + 1) % keptRequests
	h.At, h.Took, h.Status, h.Secure, h.Reason = r.started, took, r.status(), r.scheme == "https", r.reason
	h.Path, h.Endpoint = "", ""
	if r.route != nil {
		h.Path = r.route.source.Path
	}
	if n := len(r.tried); n > 0 {
		h.Endpoint = r.tried[n-1].address
	}
}

// list returns the requests, the latest first.
func (k *recent) list() (requests []gatelodge.Handled) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ring == nil {
		return nil
	}
	for i := range keptRequests {
		if h := k.ring[(k.next-1-i+2*keptRequests)%keptRequests]; !h.At.IsZero() {
			requests = append(requests, h)
		}
	}
	return requests
}
