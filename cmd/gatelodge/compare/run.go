package compare

import (
	"context"
	"crypto/x509"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are the options of a comparison.
type Options struct {
	A, B        Address
	Fields      []string      // names in lower case, or AllFields
	Ignore      []string      // names in lower case that are not compared
	Bodies      bool          // compare bodies too
	Methods     []string      // methods that are sent; other requests are counted and skipped
	Header      http.Header   // sent with every request
	Rate        float64       // maximum of requests a second to each server
	Concurrency int           // maximum of requests at a time
	Most        int           // maximum of different requests
	Timeout     time.Duration // of one request
	Roots       *x509.CertPool
	Insecure    bool // certificates are not verified
}

// SafeMethods are the methods that change nothing (RFC 9110 §9.2.1), except TRACE.
func SafeMethods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodOptions}
}

// Check returns an error if the options make no sense.
func (o *Options) Check() error {
	switch {
	case o.Rate <= 0:
		return fmt.Errorf("a rate of %g is not valid, write a number above 0", o.Rate)
	case o.Concurrency < 1:
		return fmt.Errorf("a concurrency of %d is not valid, write 1 or more", o.Concurrency)
	case o.Most < 1:
		return fmt.Errorf("at most %d requests is not valid, write 1 or more", o.Most)
	case o.Timeout <= 0:
		return fmt.Errorf("a timeout of %v is not valid, write a duration above 0", o.Timeout)
	}
	return nil
}

// Result is the comparison of one request. Without Differences all compared parts are
// the same.
type Result struct {
	Request     Request
	Differences []Difference
	// Varies is what a server answers differently each time, so that it can't be
	// compared.
	Varies []Difference
}

// Summary contains the counts of a comparison.
type Summary struct {
	Compared  int `json:"compared"`  // different requests that were sent
	Same      int `json:"same"`      // without differences
	Different int `json:"different"` // with differences each time
	Varying   int `json:"varying"`   // of those that are the same: with something that varies by itself
	Repeated  int `json:"repeated"`  // lines with a request that was already sent
	Unsafe    int `json:"unsafe"`    // requests with a method that is not sent
	Unread    int `json:"unread"`    // lines that could not be read
	LeftOut   int `json:"leftOut"`   // requests beyond Options.Most
}

// Run compares the answers to all requests. It calls report for each, one at a
// time, and unread for each line that is not a request. A request with something
// that differs is sent again, to find out what differs each time.
func Run(ctx context.Context, requests iter.Seq2[Request, error], opts Options, report func(Result), unread func(error)) (Summary, error) {
	if err := opts.Check(); err != nil {
		return Summary{}, err
	}
	r := &runner{opts: &opts, a: newServer(opts.A, &opts), b: newServer(opts.B, &opts), turn: time.NewTicker(time.Duration(float64(time.Second) / opts.Rate))}
	defer r.turn.Stop()
	defer r.a.close()
	defer r.b.close()

	work, results := make(chan Request), make(chan Result)
	var workers sync.WaitGroup
	for range opts.Concurrency {
		workers.Go(func() {
			for request := range work {
				if result, err := r.compare(ctx, request); err == nil {
					results <- result
				}
			}
		})
	}
	var counted Summary // by the goroutine below, until results is closed
	go func() {
		defer close(results)
		defer workers.Wait()
		defer close(work)
		r.feed(ctx, requests, work, &counted, unread)
	}()
	var seen Summary
	for result := range results {
		seen.Compared++
		switch {
		case len(result.Differences) > 0:
			seen.Different++
		case len(result.Varies) > 0:
			seen.Varying++
			seen.Same++
		default:
			seen.Same++
		}
		report(result)
	}
	seen.Repeated, seen.Unsafe, seen.Unread, seen.LeftOut = counted.Repeated, counted.Unsafe, counted.Unread, counted.LeftOut
	return seen, ctx.Err()
}

type runner struct {
	opts *Options
	a, b *server
	turn *time.Ticker // when the next request may be sent
}

// feed sends each different request to the workers once.
func (r *runner) feed(ctx context.Context, requests iter.Seq2[Request, error], work chan<- Request, counted *Summary, unread func(error)) {
	sent := make(map[string]bool)
	for request, err := range requests {
		switch {
		case err != nil:
			counted.Unread++
			unread(err)
		case !slices.Contains(r.opts.Methods, request.Method):
			counted.Unsafe++
		case sent[request.String()]:
			counted.Repeated++
		case len(sent) == r.opts.Most:
			counted.LeftOut++
		default:
			sent[request.String()] = true
			select {
			case work <- request:
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// compare sends a request to both servers, and repeats it if the answers differ. It
// returns an error only when ctx ends.
func (r *runner) compare(ctx context.Context, request Request) (Result, error) {
	result := Result{Request: request}
	a, b, err := r.both(ctx, request)
	if err != nil {
		return result, err
	}
	found := r.opts.differences(a, b)
	if len(found) == 0 && (a.err == nil || b.err == nil) {
		return result, nil
	}
	a2, b2, err := r.both(ctx, request)
	if err != nil {
		return result, err
	}
	if a2.err != nil && b2.err != nil { // neither has answered
		result.Differences = []Difference{{"answer", a2.came(), b2.came()}}
		return result, nil
	}
	itself := append(r.opts.differences(a, a2), r.opts.differences(b, b2)...)
	result.Differences, result.Varies = unstable(found, r.opts.differences(a2, b2), itself)
	return result, nil
}

// both asks both servers at once, when the rate allows it.
func (r *runner) both(ctx context.Context, request Request) (a, b answer, err error) {
	select {
	case <-r.turn.C:
	case <-ctx.Done():
		return a, b, ctx.Err()
	}
	var other sync.WaitGroup
	other.Go(func() { b = r.b.ask(ctx, request) })
	a = r.a.ask(ctx, request)
	other.Wait()
	return a, b, ctx.Err()
}

// Names parses names of fields, separated by commas.
func Names(text string) []string {
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			names = append(names, name)
		}
	}
	return names
}
