package nethttp

import (
	"sync"
	"time"
)

// continueTimeout is how long an endpoint is given to answer to Expect:
// 100-continue before the body is sent all the same (RFC 9110 §10.1.1).
const continueTimeout = time.Second

// gate holds a request's body back until the endpoint asks for it. net/http's
// transport has one of its own, which after a refusal sends the body to keep
// the connection: our client would be asked for what nobody wants.
type gate struct {
	open  chan struct{} // closed when the body may be sent
	once  sync.Once
	timer *time.Timer
}

func newGate() *gate {
	g := &gate{open: make(chan struct{})}
	g.timer = time.AfterFunc(continueTimeout, g.pass)
	return g
}

// pass lets the body go.
func (g *gate) pass() { g.once.Do(func() { close(g.open) }) }

// answered tells the gate of the endpoint's final status: one that took the
// request will want the body, any other will not.
func (g *gate) answered(status int) {
	g.timer.Stop()
	if status < 300 {
		g.pass()
	}
}
