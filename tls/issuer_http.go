package tls

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"time"
)

const (
	requestTime  = 30 * time.Second
	maxResponse  = 1 << 20 // bytes; a chain is a few thousand
	nonceRetries = 20      // a CA may refuse nonces at any time (RFC 8555 §6.5)
	faultRetries = 2
)

// httpClient returns the client for the requests to a CA that is certified by
// roots, PEM, or by the system's if there are none.
func httpClient(roots string) *http.Client {
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
	return &http.Client{Transport: limitedTransport{transport}, Timeout: requestTime}
}

// limitedTransport bounds what a CA can make us read.
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

// retryWait says how long to wait until a request is sent again, and 0 to give
// up on it. A nonce that is refused costs nothing but the next; whoever says
// for how long to wait is left alone by everybody, not just by this request.
func retryWait(n int, _ *http.Request, response *http.Response) time.Duration {
	switch {
	case response.StatusCode == http.StatusBadRequest: // the acme package asks for bad nonces only
		if n > nonceRetries {
			return 0
		}
		return time.Millisecond
	case response.StatusCode == http.StatusTooManyRequests, response.Header.Get("Retry-After") != "", n > faultRetries:
		return 0
	}
	return time.Duration(n) * time.Second
}
