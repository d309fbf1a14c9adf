package proxy

import (
	"encoding/pem"
	"net/url"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// clientAuth lets in whom the host's rule for client certificates lets in. What
// the client showed was judged in the handshake, under this rule: misdirected
// has seen to that. In clear text nobody has shown anything.
func clientAuth(rule *gatelodge.ClientAuth) step {
	if rule == nil {
		return nil
	}
	if rule.Unavailable != "" {
		why := "client certificates: " + rule.Unavailable
		return func(*request) *answer { return unavailable(why) }
	}
	return func(r *request) *answer {
		client := r.clientCertificate()
		if why := uncertified(rule.Mode, client); why != "" {
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
}

// uncertified says why the mode refuses who showed this certificate, and "" if
// it does not.
func uncertified(mode gatelodge.ClientAuthMode, client *gatelodge.ClientCertificate) string {
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

// clientTrust is the key of what the connection's handshake was made under.
func (r *request) clientTrust() string {
	if t := r.x.Conn.TLS; t != nil && t.Handshake != nil {
		return t.Handshake.ClientTrust
	}
	return ""
}

// isClientField tells whether a field tells a backend about a client
// certificate.
func isClientField(name string) bool { return strings.HasPrefix(name, "ssl-client-") }

// addClientFields tells the backend what the client showed, by the fields that
// backends of ingress-nginx know.
func (r *request) addClientFields(fields exchange.Fields) exchange.Fields {
	rule := r.route.host.source.ClientAuth
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
		// As in the component of a URI, where a plus sign is no space.
		fields.Add("ssl-client-cert", strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20"))
	}
	return fields
}
