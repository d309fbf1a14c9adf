package http2

import (
	"sync"
	"time"
)

// workers are goroutines that handle requests. They are reused, because their stacks
// have grown already, starting with the one used last; those that are idle for a while
// end.
type workers struct {
	mu     sync.Mutex
	idle   []*worker // the one used last at the end
	reaper *time.Timer
}

type worker struct {
	next  chan *request // nil: end
	since time.Time     // when it became idle
}

// idleWorker is how long a worker waits for a request.
const idleWorker = 5 * time.Second

// run lets a worker handle r.
func (ws *workers) run(r *request) {
	ws.mu.Lock()
	n := len(ws.idle)
	if n == 0 {
		ws.mu.Unlock()
		w := &worker{next: make(chan *request, 1)}
		go ws.work(w, r)
		return
	}
	w := ws.idle[n-1]
	ws.idle[n-1] = nil
	ws.idle = ws.idle[:n-1]
	ws.mu.Unlock()
	w.next <- r
}

func (ws *workers) work(w *worker, r *request) {
	for ; r != nil; r = <-w.next {
		r.serve()
		ws.mu.Lock()
		w.since = time.Now()
		ws.idle = append(ws.idle, w)
		if ws.reaper == nil {
			ws.reaper = time.AfterFunc(idleWorker, ws.reap)
		}
		ws.mu.Unlock()
	}
}

// reap ends the workers that were idle for too long. The longest idle ones are first.
func (ws *workers) reap() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	now := time.Now()
	n := 0
	for n < len(ws.idle) && now.Sub(ws.idle[n].since) >= idleWorker {
		ws.idle[n].next <- nil // it is waiting, so there is room
		n++
	}
	kept := copy(ws.idle, ws.idle[n:])
	clear(ws.idle[kept:])
	ws.idle = ws.idle[:kept]
	ws.reaper = nil
	if kept > 0 {
		ws.reaper = time.AfterFunc(ws.idle[0].since.Add(idleWorker).Sub(now), ws.reap)
	}
}
