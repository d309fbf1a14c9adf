// Command agnhost stands in for Kubernetes's test image of that name, which
// docs/install.md has as the first application. Called like that one,
//
//	agnhost netexec --http-port=PORT
//
// it tells over HTTP which pod was asked for what by whom, and echoes what it is
// sent over a WebSocket at /echo. Told to end, it serves on for a while, as
// applications have to that don't want to lose a request.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

func main() {
	pod, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) != 3 || os.Args[1] != "netexec" {
		log.Fatal("usage: agnhost netexec --http-port=PORT")
	}
	port, _ := strings.CutPrefix(os.Args[2], "--http-port=")
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "pod=%s host=%s path=%s client=%s\n", pod, r.Host, r.URL.Path, r.Header.Get("X-Forwarded-For"))
	})
	http.HandleFunc("/echo", echo)
	server := &http.Server{Addr: ":" + port}
	drained := make(chan error, 1)
	go func() { drained <- drain(server) }()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}

// drain shuts the server down when the process was told to end and everybody has
// had the time to hear of it.
func drain(server *http.Server) error {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	time.Sleep(5 * time.Second)
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
