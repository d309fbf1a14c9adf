package dashboard

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Limits of the live connections.
const (
	mostLive    = 64               // connections at a time
	messageSize = 64               // bytes of a client's message, of which none is expected
	telling     = time.Second      // the shortest time between two messages
	ticking     = 5 * time.Second  // between messages to a page whose numbers change all the time
	pinging     = 30 * time.Second // to detect that a client is gone
	patience    = 10 * time.Second // for a write
)

// hub tells live connections that something changed; the page itself shows what.
type hub struct {
	mu      *sync.Mutex
	changed chan struct{} // closed by the next change
	clients int
	done    chan struct{} // closed at the end
	closed  *sync.Once
}

func newHub() hub {
	return hub{mu: new(sync.Mutex), changed: make(chan struct{}), done: make(chan struct{}), closed: new(sync.Once)}
}

// tell wakes all connections.
func (h *hub) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.changed)
	h.changed = make(chan struct{})
}

// next returns the channel that the next change closes.
func (h *hub) next() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// enter counts a connection, and returns false if there are too many.
func (h *hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clients >= mostLive {
		return false
	}
	h.clients++
	return true
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients--
}

func (h *hub) close() { h.closed.Do(func() { close(h.done) }) }

// The default origin check of upgrader allows only pages of the same host. The admin
// endpoint has checked that the host is its own.
var upgrader = websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 512, HandshakeTimeout: patience}

// news is the message of a live connection.
type news struct {
	Generation uint64 `json:"generation"`
}

// live tells a page when to reload itself.
func (d *Dashboard) live(w http.ResponseWriter, r *http.Request) {
	if !d.hub.enter() {
		http.Error(w, "too many live pages, this one needs a reload to change", http.StatusServiceUnavailable)
		return
	}
	defer d.hub.leave()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		conn.SetReadLimit(messageSize)
		alive := func(string) error { return conn.SetReadDeadline(time.Now().Add(2 * pinging)) }
		conn.SetPongHandler(alive)
		if alive("") == nil {
			_, _, _ = conn.NextReader() // pages send nothing, so any message ends the connection
		}
	}()
	d.follow(conn, gone, r.FormValue("ticks") != "")
	conn.Close() // which also ends the reader
	<-gone
}

// follow sends the news until the client is gone or the dashboard ends.
func (d *Dashboard) follow(conn *websocket.Conn, gone <-chan struct{}, ticks bool) {
	var tick <-chan time.Time
	if ticks {
		ticker := time.NewTicker(ticking)
		defer ticker.Stop()
		tick = ticker.C
	}
	ping := time.NewTicker(pinging)
	defer ping.Stop()
	for {
		changed := d.hub.next() // before the message, so that no change is missed after it
		_, generation, _ := d.snapshot()
		conn.SetWriteDeadline(time.Now().Add(patience))
		if conn.WriteJSON(news{generation}) != nil {
			return
		}
		select { // however much changes
		case <-time.After(telling):
		case <-gone:
			return
		case <-d.hub.done:
			return
		}
		for waiting := true; waiting; {
			select {
			case <-changed:
				waiting = false
			case <-tick:
				waiting = false
			case <-ping.C:
				if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)) != nil {
					return
				}
			case <-gone:
				return
			case <-d.hub.done:
				return
			}
		}
	}
}
