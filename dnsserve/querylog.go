package dnsserve

import (
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// queryLogRoom is how many lines may wait to be written; more are dropped.
const queryLogRoom = 1024

// queryLog writes a line for each sampled query, in a separate goroutine: when it can't
// keep up, lines are dropped and answers are not delayed.
type queryLog struct {
	log     *slog.Logger
	lines   chan queryLine
	dropped atomic.Uint64
}

// queryLine is the content of a line about a query.
type queryLine struct {
	at     time.Time
	client netip.Addr
	via    transport
	view   string
	name   string
	qtype  uint16
	rcode  int
}

func newQueryLog(log *slog.Logger) *queryLog {
	return &queryLog{log: log, lines: make(chan queryLine, queryLogRoom)}
}

// start writes lines until the function that it returns is called, which writes
// the waiting lines first.
func (l *queryLog) start() (stop func()) {
	stopping := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case line := <-l.lines:
				l.write(line)
			case <-stopping:
				for len(l.lines) > 0 {
					l.write(<-l.lines)
				}
				return
			}
		}
	})
	return func() {
		close(stopping)
		writing.Wait()
	}
}

func (l *queryLog) write(line queryLine) {
	attrs := []any{
		"at", line.at, "client", line.client.Unmap(), "proto", line.via.String(), "view", line.view,
		"name", line.name, "type", dns.Type(line.qtype).String(), "rcode", dns.RcodeToString[line.rcode],
	}
	if n := l.dropped.Swap(0); n > 0 {
		attrs = append(attrs, "dropped", n) // lines lost before this one
	}
	l.log.Info("dns query", attrs...)
}

// sample gives this share of the queries to the log, evenly spread. Malformed
// queries have no name.
func (s *responder) sample(share float64, client netip.Addr, via transport, now time.Time) {
	if s.unlogged += share; s.unlogged < 1 {
		return
	}
	s.unlogged--
	line := queryLine{at: now, client: client, via: via, view: s.view.name(), qtype: s.query.qtype, rcode: s.reply.rcode}
	if s.query.name != nil {
		line.name = s.query.name.String()
	}
	select {
	case s.queries.lines <- line:
	default:
		s.queries.dropped.Add(1)
	}
}
