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

// listener is one listening address, with an engine for each protocol spoken on it.
type listener struct {
	gatelodge.Listener
	server *Server
	tls    *tls.Config // nil: clear text
	passes *tls.Config // tls for views with passthrough hosts
	accept *acceptor
	http1  http1.Server
	http2  http2.Server

	conns    sync.WaitGroup // one goroutine each
	stopping context.Context
	stop     context.CancelFunc // cancels waits for clients that have not sent anything yet
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

// serve accepts connections until the listener is closed, and then returns nil.
// Each connection has one goroutine, from its handshake to its end.
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

// serveConn hands a connection to the engine of its protocol: the one negotiated by
// ALPN under TLS, and HTTP/1.1 in clear text, which hands over a client that starts
// with the HTTP/2 preface. A trusted load balancer first sends the client's address
// in a PROXY protocol header.
func (l *listener) serveConn(c net.Conn) {
	info := &exchange.Conn{Peer: addrPort(c.RemoteAddr()), Local: addrPort(c.LocalAddr()), Listener: &l.Listener}
	if contains(l.server.settings().Trust.ProxyProtocol, info.Peer.Addr()) {
		client, err := l.announced(c, info.Peer)
		if err != nil {
			l.server.config.Log.Debug("PROXY protocol", "listener", l.Name, "peer", info.Peer, "error", err)
			_ = c.Close() // nothing else can be sent
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
		_ = c.Close() // nothing else can be sent
		return
	}
	switch secured.ConnectionState().NegotiatedProtocol {
	case "h2":
		l.http2.ServeConn(l.stopping, secured, info, nil)
		return
	case challengeProtocol:
		_ = secured.Close() // the CA only wants the handshake
		return
	}
	l.http1.ServeConn(l.stopping, secured, info)
}

// handshake does the TLS handshake within Timeouts.Header, and stores what the
// client sent and what was negotiated in info.
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
		// The context can't end: one that can costs a goroutine a handshake. // a context that can be cancelled would cost a goroutine for each handshake
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

// drain stops accepting, asks clients to leave and waits until every response is
// sent. When ctx ends, it closes the connections that are left, and it closes those
// without a request. Tunnels stay open.
func (l *listener) drain(ctx context.Context) {
	_ = l.accept.Close() // fails only if it is already closed
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

// drainTick is how often a draining listener checks for responses in progress.
const drainTick = 5 * time.Millisecond

func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
