package compare

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of one answer. Only the first maxBody bytes of a body are compared. Without
// Options.Bodies at most maxDrain bytes are read, so that the connection can be used
// again.
const (
	maxBody   = 16 << 20
	maxDrain  = 256 << 10
	maxHeader = 1 << 20
)

// server is one of the two servers.
type server struct {
	address    Address
	opts       *Options
	plain, tls *http.Transport
}

func newServer(address Address, opts *Options) *server {
	s := &server{address: address, opts: opts}
	s.plain, s.tls = s.transport("http"), s.transport("https")
	return s
}

// transport connects to the server, whatever host the request names.
func (s *server) transport(scheme string) *http.Transport {
	dialer := &net.Dialer{Timeout: s.opts.Timeout}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, hostPort string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(hostPort)
			if err != nil {
				return nil, err
			}
			endpoint, err := s.address.of(scheme, port)
			if err != nil {
				return nil, err
			}
			return dialer.DialContext(ctx, network, endpoint.String())
		},
		TLSClientConfig:        &tls.Config{RootCAs: s.opts.Roots, InsecureSkipVerify: s.opts.Insecure},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    s.opts.Concurrency,
		IdleConnTimeout:        10 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
}

func (s *server) close() {
	s.plain.CloseIdleConnections()
	s.tls.CloseIdleConnections()
}

// answer is a server's answer to a request.
type answer struct {
	err    error // there is no answer, and the rest is empty
	status int
	header http.Header
	body   string // the form that is compared; "" if bodies are not
}

// ask sends a request and reads the answer. It does not follow redirects.
func (s *server) ask(ctx context.Context, r Request) answer {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), nil)
	if err != nil {
		return answer{err: err}
	}
	request.Header.Set("User-Agent", "gatelodge-compare")
	for name, values := range s.opts.Header {
		request.Header[name] = slices.Clone(values)
	}
	transport := s.plain
	if r.URL.Scheme == "https" {
		transport = s.tls
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return answer{err: withoutURL(err)}
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = s.read(response.Body); err != nil {
		return answer{err: fmt.Errorf("status %d, and then reading the body: %w", response.StatusCode, withoutURL(err))}
	}
	return a
}

// read reads the body, and returns the form that is compared.
func (s *server) read(body io.Reader) (string, error) {
	if !s.opts.Bodies {
		_, err := io.Copy(io.Discard, io.LimitReader(body, maxDrain))
		return "", err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(body, maxBody))
	return fmt.Sprintf("%d bytes, SHA-256 %.8x…", n, hash.Sum(nil)), err
}

// withoutURL returns the error without the URL, which the report contains anyway.
func withoutURL(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}

// location returns the target of a redirect.
func (a answer) location() string { return a.header.Get("Location") }

// cookies returns the parts of Set-Cookie that are compared: names and attributes. The
// value and the expiry of a session's cookie differ in every answer.
func (a answer) cookies() string {
	var cookies []string
	for _, line := range a.header.Values("Set-Cookie") {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		if value != "" {
			value = "…"
		}
		parts := []string{strings.TrimSpace(name) + "=" + value}
		for attribute := range strings.SplitSeq(attributes, ";") {
			attribute = strings.TrimSpace(attribute)
			key, _, _ := strings.Cut(attribute, "=")
			if strings.EqualFold(key, "expires") {
				attribute = "Expires=…"
			}
			if attribute != "" {
				parts = append(parts, attribute)
			}
		}
		slices.SortFunc(parts[1:], func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
		cookies = append(cookies, strings.Join(parts, "; "))
	}
	slices.Sort(cookies)
	return strings.Join(cookies, ", ")
}
