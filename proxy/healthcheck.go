package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// How many consecutive checks take an endpoint out, and bring it back. One alone may be
// a coincidence.
const (
	failedChecks = 3
	passedChecks = 2
)

// checker checks one endpoint for all routes of its backend. It ends with the endpoint.
type checker struct {
	gatelodge.HealthCheck
	endpoint *endpoint
	upstream *upstream
	backend  *gatelodge.Backend
	series   *upstreamSeries
	log      *slog.Logger

	failing bool // the endpoint is out
	other   int  // consecutive checks with the opposite result
}

// check starts, changes or ends the checks of a backend's endpoints. The caller holds
// u.mu.
func (u *upstreams) check(up *upstream, source *gatelodge.Backend, series *upstreamSeries) {
	changed := up.check != source.Check
	up.check = source.Check
	for _, e := range source.Endpoints {
		end := up.endpoints[keyOf(source, e.Address)]
		if changed {
			end.stopCheck()
		}
		if source.Check.Kind == gatelodge.CheckNone || end.checked != nil || u.closed {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		end.checked = cancel
		c := &checker{HealthCheck: source.Check, endpoint: end, upstream: up, backend: source, series: series, log: u.log}
		// The first check is at a random time of the interval, so that the checks of
		// many endpoints and replicas are spread.
		first := time.Duration(unit(u.random()) * float64(c.Interval))
		go c.run(ctx, first)
	}
}

// stopCheck ends the check of an endpoint, if any.
func (e *endpoint) stopCheck() {
	if e.checked != nil {
		e.checked()
		e.checked = nil
	}
}

func (c *checker) run(ctx context.Context, first time.Duration) {
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			c.set(false)
			return
		case <-timer.C:
		}
		err := c.ask(ctx)
		if ctx.Err() == nil {
			c.note(err)
		}
		timer.Reset(c.Interval)
	}
}

// note counts the result of a check; err is nil if it passed.
func (c *checker) note(err error) {
	c.series.checked(err == nil)
	if err != nil {
		c.endpoint.health.noteError(err, time.Now())
	}
	if (err != nil) == c.failing {
		c.other = 0
		return
	}
	c.other++
	switch {
	case err != nil && c.other >= failedChecks:
		c.set(true)
		c.log.Warn("endpoint fails its health checks", "endpoint", c.endpoint.address, "backend", c.backend.Key, "error", err)
	case err == nil && c.other >= passedChecks:
		c.set(false)
		c.log.Info("endpoint passes its health checks again", "endpoint", c.endpoint.address, "backend", c.backend.Key)
	}
}

// set takes the endpoint out, or brings it back.
func (c *checker) set(failing bool) {
	if failing == c.failing {
		return
	}
	c.failing, c.other = failing, 0
	c.series.unhealthy(failing)
	c.upstream.ejecting.Lock()
	defer c.upstream.ejecting.Unlock()
	if h := &c.endpoint.health; failing {
		h.outUntil.Store(math.MaxInt64)
	} else if h.ejectedUntil.IsZero() {
		h.outUntil.Store(0)
	} else {
		h.outUntil.Store(h.ejectedUntil.UnixNano())
	}
}

// ask checks the endpoint once.
func (c *checker) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	switch c.Kind {
	case gatelodge.CheckTCP:
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", c.endpoint.address)
		if err == nil {
			_ = conn.Close()
		}
		return err
	case gatelodge.CheckGRPC:
		return c.askGRPC(ctx)
	}
	answer, err := c.send(ctx, "GET", c.Path, nil, nil)
	if err == nil && (answer.status < 200 || answer.status > 399) {
		return fmt.Errorf("it answers %d, expected a status from 200 to 399", answer.status)
	}
	return err
}

// send sends the gateway's own request to the endpoint, with the protocol of its
// backend.
func (c *checker) send(ctx context.Context, method, path string, header exchange.Fields, body []byte) (*checkAnswer, error) {
	cancellation := &exchange.Cancellation{}
	stop := context.AfterFunc(ctx, cancellation.ClientGone)
	defer stop()
	scheme := "http"
	if c.backend.Protocol.OverTLS() {
		scheme = "https"
	}
	answer := &checkAnswer{}
	err := c.endpoint.handle(&exchange.Exchange{
		Context: ctx, Cancellation: cancellation, Version: exchange.HTTP11,
		Method: method, Scheme: scheme, Authority: c.endpoint.address, Path: path,
		Header: append(header, exchange.Field{Name: "user-agent", Value: "gatelodge-health-check"}),
		Length: int64(len(body)), Body: &checkBody{rest: body}, Response: answer,
	})
	if err != nil && ctx.Err() != nil {
		return answer, fmt.Errorf("it did not answer within %s", c.Timeout)
	}
	return answer, err
}
