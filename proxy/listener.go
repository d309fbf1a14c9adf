package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
	"gatelodge.dev/proxy/http2"
	"gatelodge.dev/proxy/wire"
)

// listener is one of the addresses that are served, with an engine for each
// protocol that is spoken on it.
type listener struct {
	gatelodge.Listener
	server *Server
	tls    *tls.Config // nil: clear text
	passes *tls.Config // tls for when connections of some hosts are passed on
	accept *acceptor
	http1  http1.Server
	http2  http2.Server

	conns    sync.WaitGroup // a goroutine each
	stopping context.Context
	stop     context.CancelFunc // ends what waits for clients that have yet to say something
}

func (s *Server) newListener(l gatelodge.Listener, inner net.Listener, config *tls.Config) *listener {
	opened := &listener{Listener: l, server: s, tls: config}
	if config != nil {
		opened.passes = s.passesOn(config)
	}
	opened.stopping, opened.stop = context.WithCancel(context.Background())
	opened.accept = &acceptor{
		Listener: inner,
		settings: s.settings,
		gauge:    s.metrics.connections.WithLabelValues(l.Name),
		log:      s.config.Log.With("listener", l.Name),
	}
	opened.http1.Handler = s.handle
	opened.http1.Settings = s.settings
	opened.http1.Log = s.config.Log
	opened.http1.Refused = func(c *exchange.Conn, status int, err error) { s.refused(exchange.HTTP11, c, status, err) }
	opened.http1.HTTP2 = opened.http2.ServeConn
	opened.http2.Handler = s.handle
	opened.http2.Settings = s.settings
	opened.http2.Log = s.config.Log
	opened.http2.Refused = func(c *exchange.Conn, status int, err error) { s.refused(exchange.HTTP2, c, status, err) }
	return opened
}

// serve accepts connections until the listener is closed, and then returns
// nil. One goroutine serves a connection from its handshake to its end.
func (l *listener) serve() error {
	for {
		c, err := l.accept.Accept()
		switch {
		case err == nil:
			l.conns.Go(func() {
				defer l.accept.done()
				l.serveConn(c)
			})
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			return fmt.Errorf("listener %s: %w", l.Name, err)
		}
	}
}

// serveConn gives a connection to the engine of its protocol: the one that was
// negotiated under TLS, and in clear text HTTP/1.1, which hands over a client
// that begins with the preface of HTTP/2. A trusted load balancer first says
// for whom it connects.
func (l *listener) serveConn(c net.Conn) {
	info := &exchange.Conn{Peer: addrPort(c.RemoteAddr()), Local: addrPort(c.LocalAddr()), Listener: &l.Listener}
	if contains(l.server.settings().Trust.ProxyProtocol, info.Peer.Addr()) {
		client, err := l.announced(c, info.Peer)
		if err != nil {
			l.server.config.Log.Debug("PROXY protocol", "listener", l.Name, "peer", info.Peer, "error", err)
			_ = c.Close() // nothing more is to be said
			return
		}
		info.Peer = client
	}
	info.View = l.server.table.Load().snapshot.ViewFor(l.Views, info.Peer.Addr())
	info.PeerText = info.Peer.Addr().String()
	if l.tls == nil {
		l.http1.ServeConn(l.stopping, c, info)
		return
	}
	secured, err := l.handshake(c, info)
	if to, ok := errors.AsType[*passage](err); ok {
		l.passOn(c.(*net.TCPConn), to, info)
		return
	}
	if err != nil {
		l.server.config.Log.Debug("TLS handshake", "listener", l.Name, "peer", info.Peer, "error", err)
		_ = c.Close() // nothing more is to be said
		return
	}
	switch secured.ConnectionState().NegotiatedProtocol {
	case "h2":
		l.http2.ServeConn(l.stopping, secured, info, nil)
		return
	case challengeProtocol:
		_ = secured.Close() // the handshake is all that the CA wants
		return
	}
	l.http1.ServeConn(l.stopping, secured, info)
}

// handshake makes the connection a TLS one, in the time that a request's head
// may take, and puts what it was told and showed into info.
func (l *listener) handshake(c net.Conn, info *exchange.Conn) (*tls.Conn, error) {
	var limit time.Time
	if timeout := l.server.settings().Timeouts.Header; timeout > 0 {
		limit = time.Now().Add(timeout)
	}
	shown := &gatelodge.Handshake{View: info.View}
	below, config := wire.BelowTLS(c), l.tls
	if records, ok := below.(*wire.Records); ok && l.server.table.Load().passing > 0 {
		records.Keep()
		config = l.passes
	}
	secured := tls.Server(below, config)
	err := c.SetDeadline(limit)
	if err == nil {
		// The context can't end: one that can costs a goroutine a handshake.
		err = secured.HandshakeContext(gatelodge.WithHandshake(context.Background(), shown))
	}
	if to, ok := errors.AsType[*passage](err); ok {
		return nil, errors.Join(to, c.SetDeadline(time.Time{}))
	}
	state := secured.ConnectionState()
	l.server.metrics.handshake(state.Version, err)
	if err != nil {
		return nil, err
	}
	info.TLS = &exchange.TLS{ServerName: state.ServerName, Version: state.Version, Handshake: shown}
	return secured, c.SetDeadline(time.Time{})
}

// drain stops accepting, tells clients to go and waits until every answer is
// sent. When ctx ends, and for clients that hold a connection without a
// request, it breaks connections off. Tunnels stay.
func (l *listener) drain(ctx context.Context) {
	_ = l.accept.Close() // fails only where it is closed already
	l.http1.Drain()
	l.http2.Drain()
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for l.http1.Active()+l.http2.Active() > 0 && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	l.stop()
	l.http1.CloseRequests()
	l.http2.CloseRequests()
}

// drainTick is how often a draining listener looks for answers under way.
const drainTick = 5 * time.Millisecond

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
