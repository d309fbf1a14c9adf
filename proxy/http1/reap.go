package http1

import (
	"slices"
	"time"
)

// reap closes the connections that were idle for too long. Those used longest
// ago stand first, and nobody else would find out that the endpoint has closed
// them.
func (c *Client) reap() {
	now := time.Now()
	c.mu.Lock()
	n := 0
	for n < len(c.idle) && now.Sub(c.idle[n].since) >= c.opts.IdleTimeout {
		n++
	}
	old := slices.Clone(c.idle[:n])
	c.idle = slices.Delete(c.idle, 0, n)
	c.reaper = nil
	if len(c.idle) > 0 && !c.closed {
		c.reaper = time.AfterFunc(c.idle[0].since.Add(c.opts.IdleTimeout).Sub(now), c.reap)
	}
	c.mu.Unlock()
	for _, ec := range old {
		ec.s.close()
	}
}
