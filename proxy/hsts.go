package proxy

import gatelodge "gatelodge.dev"

// hsts tells browsers to use HTTPS from now on (RFC 6797), in place of the
// backend's field. A client that reached us through our self-signed certificate
// must not be pinned to HTTPS: the host may never get another certificate.
func hsts(p *gatelodge.Policy) step {
	if p.HSTS != nil && *p.HSTS == "" {
		return nil
	}
	return func(r *request) *answer {
		value := r.table.settings.HSTS
		if p.HSTS != nil {
			value = *p.HSTS
		}
		if value != "" && r.certified() {
			r.response.hsts = value
		}
		return nil
	}
}

// certified reports whether the client used HTTPS with a certificate that covers
// the host. Behind a trusted proxy that terminates TLS it is enough that we have
// such a certificate.
func (r *request) certified() bool {
	switch t := r.x.Conn.TLS; {
	case r.scheme != "https":
		return false
	case t == nil:
		return r.host.source.Certified()
	default:
		return t.Handshake != nil && t.Handshake.Covers(r.name)
	}
}
