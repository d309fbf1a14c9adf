package http1_test

import (
	"testing"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

// TestDrain: idle connections end at once, a request in progress is answered before
// its connection ends, and a new connection gets its first response.
func TestDrain(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	s := &http1.Server{Handler: func(ex *exchange.Exchange) error {
		if ex.Path == "/slow" {
			close(started)
			<-finish
		}
		return hello(ex)
	}}
	addr := serve(t, s)
	idle, busy, fresh := dial(t, addr), dial(t, addr), dial(t, addr)
	idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, _ := idle.response("GET"); res.Close {
		t.Error("the connection closes before the drain")
	}
	busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	<-started

	s.Drain()
	idle.ended()
	for name, p := range map[string]*peer{"GET /slow": busy, "GET /new": fresh} {
		if p == fresh {
			p.send("GET /new HTTP/1.1\r\nHost: a\r\n\r\n")
		} else {
			close(finish)
		}
		if res, body := p.response("GET"); body != name || !res.Close {
			t.Errorf("got %q, close %v, want %q and the connection to close", body, res.Close, name)
		}
		p.ended()
	}
}

// TestLeave: an idle connection stays open for a request that may be on its way, and
// ends with its response; new connections are served, too.
func TestLeave(t *testing.T) {
	s := &http1.Server{Handler: hello}
	addr := serve(t, s)
	idle := dial(t, addr)
	idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, _ := idle.response("GET"); res.Close {
		t.Error("the connection closes before Leave")
	}
	s.Leave()
	for name, p := range map[string]*peer{"idle": idle, "new": dial(t, addr)} {
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if res, body := p.response("GET"); body != "GET /" || !res.Close {
			t.Errorf("on the %s connection got %q, close %v, want an answer and the connection to close", name, body, res.Close)
		}
		p.ended()
	}
}
