package proxy

import (
	"bufio"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// accessLogLines is how many lines may wait to be written: some seconds of a
// slow terminal, and a few megabytes at most.
const accessLogLines = 8192

// accessLog writes one JSON line for each request, off the request's path: a
// line that finds the buffer full is dropped and counted.
type accessLog struct {
	to      io.Writer // nil: no log
	log     *slog.Logger
	dropped prometheus.Counter
	lines   chan *[]byte
	buffers sync.Pool
	stop    chan struct{}
	stopped chan struct{}
}

func newAccessLog(to io.Writer, log *slog.Logger, dropped prometheus.Counter) *accessLog {
	return &accessLog{
		to: to, log: log, dropped: dropped,
		lines:   make(chan *[]byte, accessLogLines),
		buffers: sync.Pool{New: func() any { return new([]byte) }},
		stop:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
}

// request notes the end of a request, if it is one that is to be logged.
func (l *accessLog) request(r *request, took time.Duration) {
	settings := r.table.settings.AccessLog
	if l.to == nil || !settings.Enabled || settings.Sample < 1 && rand.Float64() >= settings.Sample {
		return
	}
	line := l.buffers.Get().(*[]byte)
	*line = appendLine((*line)[:0], r, took)
	select {
	case l.lines <- line:
	default:
		l.dropped.Inc()
		l.buffers.Put(line)
	}
}

// run writes lines until close is called, and then those that are left.
func (l *accessLog) run() {
	defer close(l.stopped)
	w := bufio.NewWriterSize(l.to, 64<<10)
	for {
		select {
		case line := <-l.lines:
			l.write(w, line)
		case <-l.stop:
			for len(l.lines) > 0 {
				l.write(w, <-l.lines)
			}
			return
		}
	}
}

// write writes a line, and all that was held back when no other waits.
func (l *accessLog) write(w *bufio.Writer, line *[]byte) {
	_, err := w.Write(*line)
	l.buffers.Put(line)
	if err == nil && len(l.lines) == 0 {
		err = w.Flush()
	}
	if err != nil {
		// A bufio.Writer keeps its error; the next line starts anew.
		l.log.Error("access log", "error", err)
		l.dropped.Inc()
		w.Reset(l.to)
	}
}

// close ends run and waits for it.
func (l *accessLog) close() {
	close(l.stop)
	<-l.stopped
}
