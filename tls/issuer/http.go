package issuer

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"time"
)

const (
	requestTime  = 30 * time.Second
	maxResponse  = 1 << 20 // bytes; a chain has a few thousand
	nonceRetries = 20      // a CA may reject nonces at any time (RFC 8555 §6.5)
	faultRetries = 2
)

// httpClient returns a client for a CA that is reached by transport. key is the
// account's.
func httpClient(transport http.RoundTripper, key crypto.Signer) *http.Client {
	return &http.Client{Transport: replacingTransport{limitedTransport{transport}, key}, Timeout: requestTime}
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

// limitedTransport limits the size of responses.
type limitedTransport struct{ http.RoundTripper }

func (l limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxResponse), response.Body}
	}
	return response, err
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
	case response.StatusCode == http.StatusTooManyRequests, response.Header.Get("Retry-After") != "", n > faultRetries:
		return 0
	}
	return time.Duration(n) * time.Second
}
