package crl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	fetchTime = 30 * time.Second
	maxBytes  = 8 << 20 // of a CRL; those of public CAs, which are in parts, have less
)

// Fetch gets a CRL, in DER, from a public address or one in the given networks. It
// follows no redirect. Where the environment names a proxy for HTTP, the proxy
// decides which addresses it connects to.
func Fetch(ctx context.Context, url string, networks []netip.Prefix, userAgent string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	if literal, err := netip.ParseAddr(request.URL.Hostname()); err == nil && !isAllowed(literal, networks) {
		return nil, notAllowed(literal)
	}
	dialer := &net.Dialer{Timeout: fetchTime}
	if proxy, err := http.ProxyFromEnvironment(request); err != nil {
		return nil, err
	} else if proxy == nil {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err == nil && !isAllowed(to.Addr(), networks) {
				err = notAllowed(to.Addr())
			}
			return err
		}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
		DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
	}
	client := &http.Client{Transport: transport, Timeout: fetchTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	der, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	if err == nil && len(der) > maxBytes {
		err = fmt.Errorf("the CRL at %s has more than %d octets", url, maxBytes)
	}
	return der, err
}

var errNotAllowed = errors.New("CRLs are fetched from public addresses and those of tls.revocationNetworks only")

func notAllowed(address netip.Addr) error { return fmt.Errorf("%s: %w", address, errNotAllowed) }
