package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"gatelodge.dev/proxy/exchange"
	"gatelodge.dev/proxy/http1"
)

// FuzzGateway sends what a client sends through server and client: the backend
// must see no other requests than net/http sees on the client's connection.
func FuzzGateway(f *testing.F) {
	for _, seed := range []string{
		"GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\nConnection: X\r\nX: 1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPUT / HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n",
		"POST / HTTP/1.0\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nab\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nTE: trailers\r\n\r\n",
	} {
		f.Add([]byte(seed), uint8(0))
	}
	f.Fuzz(compareGateway)
}

func compareGateway(t *testing.T, input []byte, split uint8) {
	var got []message
	var backends sync.WaitGroup
	client := http1.NewClient(netip.AddrPort{}, http1.Options{
		Settings: always(settings()),
		Dial: func(context.Context, netip.AddrPort) (net.Conn, error) {
			ours, theirs := net.Pipe()
			backends.Go(func() {
				defer theirs.Close()
				r := bufio.NewReader(theirs)
				for {
					m, err := readMessage(r)
					if err != nil {
						return
					}
					got = append(got, m)
					io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
			return ours, nil
		},
	})
	s := &http1.Server{Settings: always(settings()), Handler: client.Do}
	s.ServeConn(t.Context(), newMemory(input, split), &exchange.Conn{})
	client.Close()
	backends.Wait()

	r := bufio.NewReader(bytes.NewReader(input))
	for i, ours := range got {
		if line, _ := r.Peek(2); string(line) == "\r\n" {
			r.Discard(2)
		}
		theirs, err := readMessage(r)
		if err != nil {
			return // FuzzRequestHead sees to that
		}
		if theirs.start != ours.start || theirs.body != ours.body {
			t.Fatalf("request %d: the backend got %+v, the client sent %+v", i, ours, theirs)
		}
	}
}

func readMessage(r *bufio.Reader) (message, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return message{}, err
	}
	body, err := io.ReadAll(req.Body)
	return message{start: req.Method + " " + req.URL.RequestURI(), body: string(body)}, err
}
