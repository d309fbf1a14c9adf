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

// accessLogLines is how many lines may wait to be written: enough for a writer
// that stalls for seconds, and at most a few megabytes.
const accessLogLines = 8192

// accessLog writes one JSON line for each request, in a goroutine of its own. If
// it is too slow, lines are dropped and counted.
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

// request logs a request at its end, if the settings say so.
func (l *accessLog) request(r *request, took time.Duration) {
	settings := r.table.settings.AccessLog
	if l.to == nil || !settings.Enabled || settings.Sample < 1 && rand.Float64() >= settings.Sample || r.route != nil && r.route.source.Policy.Unlogged {
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

// run writes lines until close is called, and then the remaining ones.
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

// write writes a line, and flushes when no other is waiting.
func (l *accessLog) write(w *bufio.Writer, line *[]byte) {
	_, err := w.Write(*line)
	l.buffers.Put(line)
	if err == nil && len(l.lines) == 0 {
		err = w.Flush()
	}
	if err != nil {
		// A bufio.Writer keeps its error: reset it for the next line.
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
