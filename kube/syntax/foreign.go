package syntax

import (
	"slices"
	"strings"
)

// NginxPrefix is that of the annotations of ingress-nginx.
const NginxPrefix = "nginx.ingress.kubernetes.io/"

// foreignDomains lists whose annotations people expect an ingress controller to
// follow: those of other gateways, with all domains below them.
func foreignDomains() []string {
	return []string{
		"ingress.kubernetes.io", // with alb., appgw., caddy., mse. and what else stands before it
		"traefik.io", "traefik.containo.us",
		"router.openshift.io", "route.openshift.io",
		"nginx.org", "nginx.com", "appprotect.f5.com", "virtual-server.f5.com",
		"konghq.com", "projectcontour.io", "contour.heptio.com", "getambassador.io", "zalando.org",
		"ingress.cilium.io", "k8s.apisix.apache.org", "higress.io", "ingress.pomerium.io", "k8s.ngrok.com",
		"tyk.io", "ingress.citrix.com", "ingress.appscode.com", "ingress.bluemix.net", "ako.vmware.com",
		"ingress.gcp.kubernetes.io",
		"certmanager.k8s.io", // cert-manager's before its version 0.11
	}
}

// foreignKeys lists single annotations of this kind.
func foreignKeys() []string {
	return []string{
		"kubernetes.io/ingress.allow-http", "kubernetes.io/ingress.global-static-ip-name", "kubernetes.io/ingress.regional-static-ip-name",
		"networking.gke.io/managed-certificates", "networking.gke.io/v1beta1.FrontendConfig",
		"cloud.google.com/app-protocols", "cloud.google.com/backend-config", "beta.cloud.google.com/backend-config",
		"service.alpha.kubernetes.io/app-protocols", "kubernetes.azure.com/tls-cert-keyvault-uri",
	}
}

// IsForeign reports whether an annotation tells another gateway how to serve
// requests. Labels of Docker for Traefik are pasted as annotations too.
func IsForeign(key string) bool {
	if strings.HasPrefix(key, NginxPrefix) {
		return false
	}
	for _, prefix := range []string{"traefik.", "haproxy", "alb."} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	if slices.Contains(foreignKeys(), key) {
		return true
	}
	domain, _, _ := strings.Cut(key, "/")
	return slices.ContainsFunc(foreignDomains(), func(known string) bool {
		return domain == known || strings.HasSuffix(domain, "."+known)
	})
}

// certManagerDomain is that of the annotations of cert-manager, together with the
// domains below it.
const certManagerDomain = "cert-manager.io"

// IsCertManagersKey reports whether an annotation is cert-manager's.
func IsCertManagersKey(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	return found && (domain == certManagerDomain || strings.HasSuffix(domain, "."+certManagerDomain)) || key == "kubernetes.io/tls-acme"
}

// IsCertManagers reports whether cert-manager gets the certificates of the Ingress
// and puts them into the Secrets of spec.tls, maybe only in a moment.
func IsCertManagers(annotations map[string]string) bool {
	for _, key := range []string{"cert-manager.io/issuer", "cert-manager.io/cluster-issuer", "kubernetes.io/tls-acme"} {
		if _, ok := annotations[key]; ok {
			return true
		}
	}
	return false
}
