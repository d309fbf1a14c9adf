package proxy

import (
	"encoding/pem"
	"net/url"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// clientAuth applies the host's rule for client certificates. The handshake
// checked the client's certificate under this rule, which misdirected ensures. In
// clear text there is no certificate.
func clientAuth(r *request) *answer {
	rule := r.host.source.ClientAuth
	if rule == nil || r.route.source.Policy.AnyClientCertificate {
		return nil
	}
	if rule.Unavailable != "" {
		return unavailable("client certificates: " + rule.Unavailable)
	}
	client := r.clientCertificate()
	if why := whyRefused(rule.Mode, client); why != "" {
		if rule.ErrorPage != "" {
			return &answer{status: 302, reason: why, text: "Found", fields: exchange.Fields{{Name: "location", Value: rule.ErrorPage}}}
		}
		return badRequest(why)
	}
	if rule.Subject != nil && (client == nil || !rule.Subject.MatchString(client.Subject)) {
		return &answer{status: 403, reason: "the client certificate is for another subject", text: "Forbidden: client certificate unauthorized"}
	}
	return nil
}

// whyRefused says why a mode refuses a client with this certificate, nil for
// none, and "" if it does not.
func whyRefused(mode gatelodge.ClientAuthMode, client *gatelodge.ClientCertificate) string {
	switch {
	case client == nil:
		if mode == gatelodge.ClientAuthOn {
			return "no client certificate was sent, and one is required"
		}
	case client.Failure != "" && !(client.UnknownCA && mode == gatelodge.ClientAuthOptionalNoCA):
		return "the client certificate is refused: " + client.Failure
	}
	return ""
}

func (r *request) clientCertificate() *gatelodge.ClientCertificate {
	if t := r.x.Conn.TLS; t != nil && t.Handshake != nil {
		return t.Handshake.Client
	}
	return nil
}

// clientTrust returns the key of the ClientTrust of the connection's handshake.
func (r *request) clientTrust() string {
	if t := r.x.Conn.TLS; t != nil && t.Handshake != nil {
		return t.Handshake.ClientTrust
	}
	return ""
}

// isClientField reports whether a field is about a client certificate.
func isClientField(name string) bool { return strings.HasPrefix(name, "ssl-client-") }

// addClientFields adds the fields about the client's certificate that
// ingress-nginx sends to backends.
func (r *request) addClientFields(fields exchange.Fields) exchange.Fields {
	rule := r.host.source.ClientAuth
	if rule == nil {
		return fields
	}
	client := r.clientCertificate()
	switch {
	case client == nil:
		fields.Add("ssl-client-verify", "NONE")
		return fields
	case client.Failure != "":
		fields.Add("ssl-client-verify", "FAILED:"+client.Failure)
	default:
		fields.Add("ssl-client-verify", "SUCCESS")
	}
	fields.Add("ssl-client-subject-dn", client.Subject)
	fields.Add("ssl-client-issuer-dn", client.Issuer)
	if rule.PassCertificate {
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Leaf.Raw})
		// Escape as in a URI component, in which a plus sign is not a space.
		fields.Add("ssl-client-cert", strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20"))
	}
	return fields
}
