package issuer

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	requestTime  = 45 * time.Second // step-ca tries for 30 seconds to validate a challenge before it answers
	maxResponse  = 1 << 20          // bytes; a chain has a few thousand
	nonceRetries = 20               // a CA may reject nonces at any time (RFC 8555 §6.5)
	faultRetries = 2
)

// httpClient returns a client for a CA that is reached by transport. key is the
// account's.
func httpClient(transport http.RoundTripper, key crypto.Signer) *http.Client {
	return &http.Client{Transport: addingTransport{checkedTransport{transport}, key}, Timeout: requestTime}
}

// networkTransport verifies the CA's server certificate with roots, in PEM, or with
// the system's roots if there are none.
func networkTransport(roots string) http.RoundTripper {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: requestTime,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
	}
	if roots != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(roots)) // validated with the configuration
		transport.TLSClientConfig.RootCAs = pool
	}
	return transport
}

// checkedTransport requires HTTPS (RFC 8555 §6.1), also where a CA redirects to, and
// limits what a response may say.
type checkedTransport struct{ http.RoundTripper }

func (c checkedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("the CA refers to %s, which is not an HTTPS URL", r.URL.Redacted())
	}
	response, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxResponse), response.Body}
	// Package acme asks without a pause until a time that is in the past.
	wait, ok := retryAfterIn(response.Header, time.Now())
	if response.Header.Del("Retry-After"); ok {
		response.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	if r.Method == http.MethodHead && response.StatusCode == http.StatusTooManyRequests {
		response.StatusCode = http.StatusServiceUnavailable // it is for a nonce, so no limit of one name is meant
	}
	return response, nil
}

// retryWait returns how long to wait before a request is sent again, and 0 to
// give up. A rejected nonce needs no wait. A response with Retry-After is not
// retried here, because it applies to all requests, not only to this one.
func retryWait(n int, _ *http.Request, response *http.Response) time.Duration {
	switch {
	case response.StatusCode == http.StatusBadRequest: // the acme package asks only about bad nonces
		if n > nonceRetries {
			return 0
		}
		return time.Millisecond
	case response.StatusCode == http.StatusTooManyRequests, response.StatusCode == http.StatusNotImplemented, response.Header.Get("Retry-After") != "", n > faultRetries:
		return 0
	}
	return time.Duration(n) * time.Second
}
