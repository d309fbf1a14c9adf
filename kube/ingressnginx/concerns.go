package ingressnginx

import "strings"

// concerns reports whether the stated difference of an annotation matters for this
// value on an Ingress of the namespace. For most annotations it does, with any value.
func concerns(name, value, namespace string) bool {
	switch name {
	case "backend-protocol":
		return strings.EqualFold(value, "FCGI")
	case "auth-type":
		return value == "digest"
	case "auth-secret", "auth-tls-secret":
		of, _, qualified := strings.Cut(value, "/")
		return qualified && of != namespace
	case "proxy-body-size", "load-balance", "upstream-vhost": // which differ where they are not written, in what ingress-nginx does not have, and in what is a problem
		return false
	case "proxy-request-buffering":
		return value != "off"
	case "proxy-http-version":
		return value != "1.1"
	case "server-alias":
		return strings.Contains(value, "~")
	case "proxy-cookie-domain", "proxy-cookie-path":
		return strings.Contains(value, "$")
	case "permanent-redirect", "temporal-redirect":
		return strings.Contains(value, "$uri") || strings.Contains(value, "${uri}")
	}
	return true
}
