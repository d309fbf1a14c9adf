package compare

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Address is where to connect to a server. It has IP addresses only, so no name is
// looked up.
type Address struct {
	text        string
	http, https netip.AddrPort // port 0: that of the URL
}

// ParseAddress reads "192.0.2.1", which is connected to at the port of each URL,
// "192.0.2.1:8080", which is connected to at that port, or
// "http=192.0.2.1:8080,https=192.0.2.1:8443".
func ParseAddress(text string) (Address, error) {
	address := Address{text: text}
	for _, item := range strings.Split(text, ",") {
		scheme, at, named := strings.Cut(item, "=")
		if !named {
			at = item
		}
		endpoint, err := parseEndpoint(at)
		switch {
		case err != nil || !named && item != text:
			return Address{}, fmt.Errorf("%q is not a valid address, write an IP address, perhaps with a port, or http=IP:PORT,https=IP:PORT", text)
		case !named:
			address.http, address.https = endpoint, endpoint
		case scheme == "http":
			address.http = endpoint
		case scheme == "https":
			address.https = endpoint
		default:
			return Address{}, fmt.Errorf("%q: the scheme %q is neither http nor https", text, scheme)
		}
	}
	return address, nil
}

func parseEndpoint(text string) (netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(ip, 0), nil
	}
	return netip.ParseAddrPort(text)
}

// String returns the address as it was written.
func (a Address) String() string { return a.text }

// of returns the address to connect to for a scheme, with the port of the URL if it has
// none.
func (a Address) of(scheme, port string) (netip.AddrPort, error) {
	endpoint := a.http
	if scheme == "https" {
		endpoint = a.https
	}
	if !endpoint.IsValid() {
		return netip.AddrPort{}, fmt.Errorf("%s has no address for %s", a.text, scheme)
	}
	if endpoint.Port() != 0 {
		return endpoint, nil
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not a valid port", port)
	}
	return netip.AddrPortFrom(endpoint.Addr(), uint16(number)), nil
}
