package annotations

import (
	"errors"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// BackendTLSAsk is what the proxy-ssl annotations ask for.
type BackendTLSAsk struct {
	Verify   bool
	SendName bool
	Name     gatelodge.Name // "": the name that the Service has in the cluster
	Secret   string         // "": none
}

func backendTLSRows() []row {
	return []row{
		{"proxy-ssl-verify", "on or off", setProxySSLVerify, true,
			"Verify the certificates of backends that are spoken to over TLS, by the CA in `proxy-ssl-secret`; by default `off`.", "Without a CA it is a mistake and the routes answer 503, where ingress-nginx verifies nothing."},
		{"proxy-ssl-secret", "a Secret of the same namespace", setProxySSLSecret, true,
			"Also as `NAMESPACE/NAME`. `ca.crt`: the CA to verify by. `tls.crt` and `tls.key`: what is shown to a backend that asks for a certificate.", "A Secret of another namespace is never read."},
		{"proxy-ssl-name", "a name", setProxySSLName, true,
			"The name that the backend's certificate must be for, and that is sent to it.", "The default is `SERVICE.NAMESPACE.svc`, or the external name of an ExternalName Service, where ingress-nginx has one that no certificate is for."},
		{"proxy-ssl-server-name", "on or off", setProxySSLServerName, false,
			"Send that name to the backend in the handshake (SNI); by default `off`.", ""},
	}
}

// Key tells the references of different asks apart; it is "" for one that asks
// for nothing, which is the key's form for most.
func (ask BackendTLSAsk) Key() string {
	var parts []string
	if ask.Verify {
		parts = append(parts, "verify")
	}
	if ask.SendName {
		parts = append(parts, "server-name")
	}
	if ask.Name != "" {
		parts = append(parts, "name="+string(ask.Name))
	}
	if ask.Secret != "" {
		parts = append(parts, "secret="+ask.Secret)
	}
	if len(parts) == 0 {
		return ""
	}
	return "+ssl(" + strings.Join(parts, ",") + ")"
}

func setProxySSLVerify(a *Asked, value string) (err error) {
	if value != "false" { // which ingress-nginx takes for off, too
		a.BackendTLS.Verify, err = syntax.ParseOnOff(value)
	}
	return err
}

func setProxySSLServerName(a *Asked, value string) (err error) {
	a.BackendTLS.SendName, err = syntax.ParseOnOff(value)
	return err
}

func setProxySSLName(a *Asked, value string) error {
	name, err := gatelodge.ParseName(value)
	if err != nil || name.IsWildcard() {
		return errors.New("is not a valid server name" + syntax.WriteInstead(value))
	}
	a.BackendTLS.Name = name
	return nil
}

// setProxySSLSecret takes a Secret of another namespace for a mistake:
// otherwise the author of an Ingress could use any key of the cluster.
func setProxySSLSecret(a *Asked, value string) error {
	namespace, name, qualified := strings.Cut(value, "/")
	if !qualified {
		namespace, name = a.namespace, value
	}
	if name == "" || namespace != a.namespace {
		return errors.New("names no Secret that the Ingress may use")
	}
	a.BackendTLS.Secret = name
	return nil
}

// check looks at the annotations together, once all were read: without a CA
// there is nothing to verify by.
func (ask BackendTLSAsk) check(a *Asked, tell Report) {
	if ask.Verify && ask.Secret == "" && a.Unavailable == "" {
		tell(gatelodge.BadAnnotation, "annotation proxy-ssl-verify needs proxy-ssl-secret, a Secret with the CA in ca.crt")
		a.deny("the backend's certificate can't be verified")
	}
}
