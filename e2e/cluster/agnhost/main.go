// Command agnhost stands in for Kubernetes's test image of that name, which
// docs/install.md has as the first application. Called like that one,
//
//	agnhost netexec --http-port=PORT [--delay-shutdown=SECONDS]
//
// it tells over HTTP which pod was asked for what by whom, and echoes what it is
// sent over a WebSocket at /echo. Told to end, it serves on for a while, as
// applications have to that don't want to lose a request.
//
// Unlike that one it speaks HTTP/2 in clear text as well, answers each gRPC call
// with the message that it was sent, and once it was asked for /fail breaks all
// requests off but those for /healthz, and ends calls with UNAVAILABLE.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	flags := flag.NewFlagSet("agnhost netexec", flag.ExitOnError)
	port := flags.String("http-port", "8080", "where to listen")
	delay := flags.Int("delay-shutdown", 5, "seconds to serve on after SIGTERM")
	if len(os.Args) < 2 || os.Args[1] != "netexec" {
		log.Fatal("usage: agnhost netexec --http-port=PORT [--delay-shutdown=SECONDS]")
	}
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	pod, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "pod=%s host=%s path=%s client=%s\n", pod, r.Host, r.URL.Path, r.Header.Get("X-Forwarded-For"))
	})
	http.HandleFunc("/echo", echo)
	server := &http.Server{Addr: ":" + *port, Handler: behaving(http.DefaultServeMux), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	drained := make(chan error, 1)
	go func() { drained <- drain(server, time.Duration(*delay)*time.Second) }()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}

// behaving answers gRPC calls itself, and everything as long as it was not told to
// fail.
func behaving(other http.Handler) http.Handler {
	var failing atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Header.Get("Content-Type") == "application/grpc"
		switch {
		case r.URL.Path == "/fail":
			failing.Store(true)
		case r.URL.Path == "/healthz":
		case call:
			answerCall(w, r, failing.Load())
		case failing.Load():
			panic(http.ErrAbortHandler) // which breaks the request off
		default:
			other.ServeHTTP(w, r)
		}
	})
}

// answerCall answers a unary gRPC call with its own message.
func answerCall(w http.ResponseWriter, r *http.Request, failing bool) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	status := "0"
	if failing {
		status = "14" // UNAVAILABLE
	} else if _, err := io.Copy(w, r.Body); err != nil {
		status = "13" // INTERNAL
	}
	w.Header().Set("Grpc-Status", status)
}

// drain shuts the server down when the process was told to end and everybody has
// had the time to hear of it.
func drain(server *http.Server, delay time.Duration) error {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	time.Sleep(delay)
	return server.Shutdown(context.Background())
}

func echo(w http.ResponseWriter, r *http.Request) {
	var upgrader websocket.Upgrader
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the client was told
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}
