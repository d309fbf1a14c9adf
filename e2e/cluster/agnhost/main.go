// Command agnhost stands in for Kubernetes's test image of that name, which
// docs/install.md has as the first application. Called like that one,
//
//	agnhost netexec --http-port=PORT
//
// it tells over HTTP which pod was asked for what by whom, and echoes what it is
// sent over a WebSocket at /echo.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"

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
	log.Fatal(http.ListenAndServe(":"+port, nil))
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
