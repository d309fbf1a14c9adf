package proxy

import gatelodge "gatelodge.dev"

// hsts tells browsers to come by HTTPS from now on (RFC 6797), in place of
// whatever the backend says about it. Who has found us by HTTPS with a
// certificate of our own making shall not be bound to it: the host may never
// get another.
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

// certified tells whether the client came by HTTPS and accepted a certificate
// for the host. Behind a trusted proxy, which has one of its own, it is enough
// that we have one, too.
func (r *request) certified() bool {
	switch t := r.x.Conn.TLS; {
	case r.scheme != "https":
		return false
	case t == nil:
		return r.route.host.source.Certified()
	default:
		return t.Handshake != nil && t.Handshake.Covers(r.name)
	}
}
