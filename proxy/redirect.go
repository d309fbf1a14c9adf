package proxy

import (
	"strconv"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// redirectHTTPS redirects a request in clear text to the same URL with HTTPS; with
// RedirectAuto only if the host has a certificate that clients can accept, or its
// connections are passed on to a backend that has one.
func redirectHTTPS(p *gatelodge.Policy) step {
	if p.Redirect == gatelodge.RedirectNever {
		return nil
	}
	return func(r *request) *answer {
		if r.scheme == "https" || r.name == "" {
			return nil
		}
		if p.Redirect == gatelodge.RedirectAuto &&
			!(r.table.settings.RedirectHTTPS && r.httpsPort() != 0 && (r.host.source.Certified() || r.host.source.Passthrough != nil)) {
			return nil
		}
		location := "https://" + string(r.name)
		if port := r.httpsPort(); port != 0 && port != 443 {
			location += ":" + strconv.Itoa(int(port))
		}
		path := r.asked
		if path == "" {
			path = r.path + r.x.Query
		}
		return &answer{
			status: 308, // unlike 301 it keeps the method and the body (RFC 9110 §15.4.9)
			reason: r.whyRedirected(),
			text:   "Permanent Redirect",
			fields: exchange.Fields{{Name: "location", Value: location + path}},
		}
	}
}

// whyRedirected is the reason of a redirect to HTTPS. A proxy in front of us that
// is not trusted, and speaks clear text with us for a client that speaks HTTPS with
// it, has its clients redirected for ever.
func (r *request) whyRedirected() string {
	if !r.trusted && r.x.Header.Get("x-forwarded-proto") == "https" {
		return "redirect to HTTPS, though X-Forwarded-Proto says https: " + r.x.Conn.Peer.Addr().String() + " is not in trust.forwarded"
	}
	return "redirect to HTTPS"
}

// httpsPort is the public port of the HTTPS listener in the client's view; 0: there is
// none.
func (r *request) httpsPort() uint16 { return r.table.httpsPorts[r.x.Conn.View] }
