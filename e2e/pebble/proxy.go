package pebble

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Kinds of requests to a CA.
const (
	Directory   = "directory"
	NewAccount  = "newAccount"
	NewOrder    = "newOrder"
	Order       = "order"
	Authz       = "authorization"
	Accept      = "accept" // to a challenge
	Finalize    = "finalize"
	Certificate = "certificate"
	RenewalInfo = "renewalInfo"
	KeyChange   = "keyChange"
	Other       = "other"
)

// Step is a moment of a request: before the CA gets it, or after it has
// answered and before the client knows.
type Step struct {
	Kind   string
	After  bool
	Status int    // of the CA's answer
	Name   string // before a NewOrder: what is ordered
	// Replaces identifies the certificate that is renewed (RFC 9773 §4.1).
	Replaces string
}

// A Fault decides what becomes of a request at a step: nil lets it pass, Broken
// breaks the connection off, and an *Instead is the answer. It may take its
// time.
type Fault func(Step) error

// Instead is an answer of the proxy's own.
type Instead struct {
	Status     int
	RetryAfter string
	Body       string
}

func (i *Instead) Error() string { return http.StatusText(i.Status) }

// Broken breaks a connection off.
const Broken brokenError = "broken off"

type brokenError string

func (e brokenError) Error() string { return string(e) }

// Proxy stands between a client and the CA, and sees every request.
type Proxy struct {
	Directory string // URL for the client

	mu      sync.Mutex
	fault   Fault
	polling time.Duration // 0: as the CA says
	limiter limiter
	counts  map[string]int
	placed  []*order
	pending map[string]*order // by themselves, and by their authorizations of which no validation failed
}

// order is a request for one.
type order struct {
	Placed
	account, replaces string
	accepted          bool
}

// Placed is an order that the CA accepted.
type Placed struct {
	Names  []string // sorted
	Failed bool     // a validation did
}

// orderKey is that of an order in the context of its request.
type orderKey struct{}

// Proxy starts a proxy in front of the CA, which lets everything pass at first.
func (c *CA) Proxy(t testing.TB) *Proxy {
	t.Helper()
	p := &Proxy{counts: make(map[string]int), limiter: limiter{used: make(map[string]usage)}, pending: make(map[string]*order)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	p.Directory = "https://localhost:" + port + "/dir"
	chain, key := c.serverCertificate(t)
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(c.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Transport: c.client.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // by which the CA makes its URLs, and signatures are made
		},
		ModifyResponse: func(response *http.Response) error {
			kind := kindOf(response.Request.URL.Path)
			if response.StatusCode < 300 {
				if err := p.note(kind, response); err != nil {
					return err
				}
			}
			return p.at(Step{Kind: kind, After: true, Status: response.StatusCode})
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { fail(w, err) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
		ErrorLog:  log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			step := Step{Kind: kindOf(r.URL.Path)}
			o := new(order)
			if step.Kind == NewOrder {
				step.Name, step.Replaces = o.read(r)
				r = r.WithContext(context.WithValue(r.Context(), orderKey{}, o))
			}
			err := p.at(step)
			if err == nil && step.Kind == NewOrder {
				err = p.admit(o)
				defer p.settle(o)
			}
			if err != nil {
				fail(w, err)
				return
			}
			forward.ServeHTTP(w, r)
		}),
	}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() {
		p.SetFault(nil)
		server.Close()
	})
	return p
}

// read reads what a request orders (RFC 8555 §7.4), and leaves the request as it is.
func (o *order) read(r *http.Request) (name, replaces string) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	r.Body = io.NopCloser(bytes.NewReader(text))
	var envelope struct{ Protected, Payload string }
	var protected struct{ KID string }
	var payload struct {
		Identifiers []struct{ Value string }
		Replaces    string
	}
	if err != nil || json.Unmarshal(text, &envelope) != nil || decode(envelope.Protected, &protected) != nil ||
		decode(envelope.Payload, &payload) != nil || len(payload.Identifiers) == 0 {
		return "", ""
	}
	for _, identifier := range payload.Identifiers {
		o.Names = append(o.Names, identifier.Value)
	}
	slices.Sort(o.Names)
	o.account, o.replaces = protected.KID, payload.Replaces
	return payload.Identifiers[0].Value, o.replaces
}

// decode reads a part of a signed request.
func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// Enforce has orders refused that are beyond limits, from now on.
func (p *Proxy) Enforce(limits Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limiter.limits = limits
}

func (p *Proxy) admit(o *order) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limiter.admit(o)
}

// settle has an order count no longer if the CA did not accept it.
func (p *Proxy) settle(o *order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !o.accepted {
		p.limiter.count(p.limiter.taken(o), -1)
	}
}

// fail answers, or breaks the connection off.
func fail(w http.ResponseWriter, err error) {
	instead, ok := err.(*Instead)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	if instead.RetryAfter != "" {
		w.Header().Set("Retry-After", instead.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(instead.Status)
	io.WriteString(w, instead.Body)
}

// SetFault says what is to go wrong from now on, nil for nothing.
func (p *Proxy) SetFault(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// SetPolling has the CA want to be asked after another time than its 6 hours when to
// renew a certificate.
func (p *Proxy) SetPolling(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.polling = after
}

func (p *Proxy) at(s Step) error {
	p.mu.Lock()
	fault := p.fault
	p.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(s)
}

// note counts an answer, finds orders of which a validation failed, and says when to ask
// again.
func (p *Proxy) note(kind string, response *http.Response) error {
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(text))
	var answer struct {
		Status         string
		Authorizations []string               // of an order
		Identifier     struct{ Value string } // of an authorization
	}
	_ = json.Unmarshal(text, &answer) // not all are JSON
	p.mu.Lock()
	defer p.mu.Unlock()
	if kind != NewAccount || response.StatusCode == http.StatusCreated {
		p.counts[kind]++
	}
	switch kind {
	case RenewalInfo:
		if p.polling > 0 {
			response.Header.Set("Retry-After", strconv.Itoa(int(p.polling/time.Second)))
		}
	case NewOrder:
		o := response.Request.Context().Value(orderKey{}).(*order)
		o.accepted = true
		p.placed = append(p.placed, o)
		for _, address := range append(answer.Authorizations, response.Header.Get("Location")) {
			p.pending[path.Base(address)] = o
		}
	case Order: // whose authorizations the client may not have asked for any more
		if o := p.pending[path.Base(response.Request.URL.Path)]; answer.Status == "invalid" && o != nil {
			p.fail(o)
		}
	case Authz:
		id := path.Base(response.Request.URL.Path)
		o := p.pending[id]
		if answer.Status != "invalid" || o == nil {
			break
		}
		delete(p.pending, id)
		p.limiter.count([]counted{p.limiter.failures(o, answer.Identifier.Value)}, 1)
		p.fail(o)
	}
	return nil
}

// fail notes that an order failed. The caller holds the lock.
func (p *Proxy) fail(o *order) {
	if !o.Failed {
		o.Failed = true
		p.limiter.count(p.limiter.certificates(o), -1)
	}
}

// Placed returns the orders that the CA accepted, in their order. On a busy machine more
// may have failed than a test means to fail: a CA waits for two seconds for an answer of
// DNS.
func (p *Proxy) Placed() []Placed {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Placed, len(p.placed))
	for i, o := range p.placed {
		list[i] = o.Placed
	}
	return list
}

// Refused returns which orders were refused by a limit, and why.
func (p *Proxy) Refused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.limiter.refused)
}

// Orders returns how many orders succeeded, or are in progress, and how many failed
// because a name was not validated.
func (p *Proxy) Orders() (good, failed int) {
	for _, o := range p.Placed() {
		if o.Failed {
			failed++
		} else {
			good++
		}
	}
	return good, failed
}

// Count returns how many requests of a kind succeeded, and of NewAccount how many made
// an account.
func (p *Proxy) Count(kind string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[kind]
}

// kindOf returns the kind of a request by its path, as Pebble names them.
func kindOf(address string) string {
	for _, known := range []struct{ prefix, kind string }{
		{"/dir", Directory}, {"/sign-me-up", NewAccount}, {"/order-plz", NewOrder}, {"/my-order/", Order},
		{"/authZ/", Authz}, {"/chalZ/", Accept}, {"/finalize-order/", Finalize}, {"/certZ/", Certificate},
		{"/draft-ietf-acme-ari-03/renewalInfo/", RenewalInfo}, {"/rollover-account-key", KeyChange},
	} {
		if strings.HasPrefix(address, known.prefix) {
			return known.kind
		}
	}
	return Other
}
