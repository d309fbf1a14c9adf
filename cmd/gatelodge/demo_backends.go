package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// backendPort is where a sample backend listens on 127.0.0.1.
type backendPort struct{ port int32 }

// startBackends starts the sample backends on free ports of 127.0.0.1. They
// end with ctx.
func startBackends(ctx context.Context) (map[string]backendPort, error) {
	ports := make(map[string]backendPort)
	listen := func(name string) (net.Listener, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("backend %s: %w", name, err)
		}
		ports[name] = backendPort{int32(l.Addr().(*net.TCPAddr).Port)}
		return l, nil
	}
	for name, handler := range map[string]http.HandlerFunc{
		"echo":    echoRequest,
		"chat":    chat,
		"slow":    slow,
		"failing": failing,
	} {
		l, err := listen(name)
		if err != nil {
			return nil, err
		}
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		context.AfterFunc(ctx, func() { server.Close() })
		go server.Serve(l)
	}
	l, err := listen("grpc")
	if err != nil {
		return nil, err
	}
	server, err := newGRPCEcho()
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, server.Stop)
	go server.Serve(l)

	// The port of "down" is closed, so connections to it are refused.
	l, err = listen("down")
	if err != nil {
		return nil, err
	}
	return ports, l.Close()
}

// echoRequest answers with the request as it arrived at the backend.
func echoRequest(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	host, _ := os.Hostname()
	fmt.Fprintf(w, "This is the echo backend on %s. It received:\n\n%s %s %s\nHost: %s\n", host, r.Method, r.RequestURI, r.Proto, r.Host)
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
	}
}

// slow takes two seconds to respond.
func slow(w http.ResponseWriter, r *http.Request) {
	select {
	case <-time.After(2 * time.Second):
		fmt.Fprintln(w, "This took two seconds.")
	case <-r.Context().Done():
	}
}

// failing always responds with an error.
func failing(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "This backend always fails.", http.StatusInternalServerError)
}

//go:embed demo_chat.html
var chatPage []byte

// chat sends every WebSocket message back, and serves a page to try it on.
func chat(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsWebSocketUpgrade(r) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(chatPage)
		return
	}
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	conn.SetReadLimit(1 << 20)
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if err := conn.WriteMessage(kind, message); err != nil {
			return
		}
	}
}
