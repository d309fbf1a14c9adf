package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/wire"
)

// passage is the error that ends a TLS handshake whose ClientHello (RFC 8446 §4.1.2)
// names a passthrough host, before anything is sent to the client.
type passage struct {
	table *table
	to    *gatelodge.Route
	hello []byte // what the client has sent so far
}

func (*passage) Error() string { return "the connection is passed on" }

// passesOn returns a configuration that ends handshakes for passthrough hosts with a
// *passage, and is config for all others.
func (s *Server) passesOn(config *tls.Config) *tls.Config {
	config = config.Clone()
	inner := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		records := hello.Conn.(*wire.Records)
		t := s.table.Load()
		if name, ok := canonicalHost(hello.ServerName); ok && name != "" {
			if to := t.passthrough(name, gatelodge.HandshakeOf(hello.Context())); to != nil {
				return nil, &passage{t, to, records.TakeOver()}
			}
		}
		records.Forget()
		if inner == nil {
			return nil, nil
		}
		return inner(hello)
	}
	return config
}

// passthrough returns the route to which connections for the name are passed on, or
// nil.
func (t *table) passthrough(name gatelodge.Name, h *gatelodge.Handshake) *gatelodge.Route {
	at := t.host(name)
	if at == nil || at.source.Passthrough == nil {
		return nil
	}
	if in := at.source.In(h.View); in != nil {
		return in.Passthrough
	}
	return nil
}

// admits reports whether the client's connection may be passed on. Only the client's
// address is checked, because all other policies need requests.
func (p *passage) admits(client *exchange.Conn) bool {
	policy, address := p.to.Policy, client.Peer.Addr()
	return policy.Unavailable == "" && !policy.DenyFrom.Contains(address) &&
		(policy.AllowFrom == nil || policy.AllowFrom.Contains(address))
}

// passOn connects the client to an endpoint of the host's backend until either side
// ends the connection. If that fails, the client's connection is closed; it can't be
// sent an error.
func (l *listener) passOn(c *net.TCPConn, p *passage, info *exchange.Conn) {
	s := l.server
	defer c.Close()
	s.work.enter()
	defer s.work.leave()
	log := s.config.Log.With("listener", l.Name, "peer", info.Peer, "backend", string(p.to.Backend))
	b := p.table.backends.Get(p.to.Backend)
	if b == nil || len(b.eligible) == 0 || !p.admits(info) {
		log.Debug("a connection is not passed on: there is no endpoint, or the client's address is not allowed")
		return
	}
	endpoint, err := s.connectPassage(p, b)
	if err != nil {
		log.Debug("a connection is not passed on", "error", err)
		return
	}
	defer endpoint.Close()
	both := &passed{client: c, endpoint: endpoint}
	s.work.remember(both)
	defer s.work.forget(both)
	if _, err = endpoint.Write(p.hello); err == nil {
		err = wire.Join(c, endpoint)
	}
	if err != nil {
		log.Debug("a connection that was passed on has broken", "error", err)
	}
}

// connectPassage connects to an endpoint in turn, and to another one if that fails.
func (s *Server) connectPassage(p *passage, b *backend) (*net.TCPConn, error) {
	settings := p.table.settings
	dialer := net.Dialer{Timeout: settings.Timeouts.Connect, KeepAliveConfig: net.KeepAliveConfig{Enable: true}}
	c := choice{backend: b, slowStart: settings.Balancing.SlowStart}
	var failed error
	for range max(1, settings.Retries.Attempts) {
		c.now = time.Now()
		m := c.roundRobin()
		if m == nil {
			break
		}
		b.series.requests.Inc()
		conn, err := dialer.DialContext(context.Background(), "tcp", m.address)
		if err == nil {
			m.health.succeeded()
			return conn.(*net.TCPConn), nil
		}
		failed = err
		b.series.failures.Inc()
		c.tried = append(c.tried, m.endpoint)
		b.noteFailure(m.endpoint, settings.Ejection.Changed(p.to.Policy.Ejection), true)
	}
	return nil, errors.Join(errors.New("no endpoint takes it"), failed)
}

// passed is a connection that is passed on, in the form that drains use
// (exchange.Tunnel). Its bytes go from socket to socket.
type passed struct{ client, endpoint *net.TCPConn }

func (p *passed) Read([]byte) (int, error)  { return 0, net.ErrClosed }
func (p *passed) Write([]byte) (int, error) { return 0, net.ErrClosed }
func (p *passed) CloseWrite() error         { return net.ErrClosed }

// Close ends both connections.
func (p *passed) Close() error {
	return errors.Join(p.client.Close(), p.endpoint.Close())
}

// countPassing returns the number of hosts with passthrough after a change, from the
// number before it.
func countPassing(before int, change gatelodge.Change[*host]) int {
	for _, end := range []struct {
		host *host
		n    int
	}{{change.Before, -1}, {change.After, 1}} {
		if end.host != nil && end.host.source.Passthrough != nil {
			before += end.n
		}
	}
	return before
}
