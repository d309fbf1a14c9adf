package annotations

import (
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"gatelodge.dev/kube/externaldns"
	"gatelodge.dev/kube/syntax"
)

// Ineffective is the annotations of an object that have no effect, each with the
// reason where that is not that another product reads it.
type Ineffective []struct{ key, why string }

func (list *Ineffective) Add(key, why string) {
	*list = append(*list, struct{ key, why string }{key, why})
}

// String is the one message about all of them, "" for none.
func (list Ineffective) String() string {
	if len(list) == 0 {
		return ""
	}
	slices.SortFunc(list, func(a, b struct{ key, why string }) int { return strings.Compare(a.key, b.key) })
	if one := list[0]; len(list) == 1 && one.why != "" {
		return "annotation " + one.key + " has no effect here: " + one.why
	} else if len(list) == 1 {
		return "annotation " + one.key + " has no effect here"
	}
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = one.key
		if one.why != "" {
			texts[i] += " (" + one.why + ")"
		}
	}
	return "these annotations have no effect here: " + strings.Join(texts, ", ")
}

// IneffectiveOnIngress is the message about the annotations of an Ingress that have
// no effect where they stand, "" if there are none, once all were read. publishes
// reports whether it asks for a record of ours.
func (a *Asked) IneffectiveOnIngress(source *networkingv1.Ingress, publishes func() bool) string {
	var list Ineffective
	for _, key := range slices.Sorted(maps.Keys(source.Annotations)) {
		switch {
		case isInvented(key) && source.Annotations[key] != "":
			list.Add(key, whyInvented(key))
		case a.Canary.On && !isCanarys(key):
		case syntax.IsForeign(key):
			list.Add(key, "")
		case key == networkingv1.AnnotationIsDefaultIngressClass:
			list.Add(key, "it belongs on an IngressClass")
		case syntax.IsCertManagersKey(key):
			if why := withoutCertManager(source); why != "" && source.Annotations[key] != "false" {
				list.Add(key, why)
			}
		case externaldns.Has(key):
			if name := key[strings.Index(key, "/")+1:]; !externaldns.SaysMoreOfIngress(name) && !a.Records.Others && publishes() {
				list.Add(key, "")
			}
		default:
			if why := a.withoutOther(key); why != "" && source.Annotations[key] != "" {
				list.Add(key, why)
			}
		}
	}
	return list.String()
}

// withoutCertManager says why cert-manager makes no certificate for the Ingress, ""
// if it does.
func withoutCertManager(source *networkingv1.Ingress) string {
	for _, entry := range source.Spec.TLS {
		if entry.SecretName != "" && len(entry.Hosts) > 0 {
			if syntax.IsCertManagers(source.Annotations) {
				return ""
			}
			return "without cert-manager.io/cluster-issuer or issuer"
		}
	}
	return "no entry of spec.tls has hosts and a secretName"
}

// withoutOther says which other annotation one of ours needs, "" if nothing is
// missing. Where the other protects, its absence is a problem of its own.
func (a *Asked) withoutOther(key string) string {
	name, ok := policyName(key)
	if !ok {
		return ""
	}
	if why := a.Canary.without(name); why != "" {
		return why
	}
	if row := policies()[name]; a.Passthrough && row != nil && row.protects && currentName(name) != allowlist && name != denylist {
		return "connections over TLS are passed on unread (ssl-passthrough)"
	}
	switch name {
	case "mirror-request-body", "mirror-host", "mirror-share":
		if a.Mirror.Service == "" {
			return "without mirror-target"
		}
	case "cors-allow-origin", "cors-allow-methods", "cors-allow-headers", "cors-allow-credentials", "cors-expose-headers", "cors-max-age":
		if !a.CORS.on {
			return "without enable-cors"
		}
	case "disable-proxy-intercept-errors":
		if len(a.ErrorPages.statuses) == 0 {
			return "without custom-http-errors"
		}
	case "proxy-redirect-to":
		if a.BackendURLs.redirectFrom == "" && a.BackendURLs.redirectTo != "" {
			return "without proxy-redirect-from"
		}
	case "proxy-redirect-from":
		if a.BackendURLs.redirectTo == "" && a.BackendURLs.redirectFrom != "" {
			return "without proxy-redirect-to"
		}
	case "auth-realm", "auth-secret-type":
		if !a.Auth.Basic && a.Auth.Secret == "" {
			return "without auth-type"
		}
	case "auth-method", "auth-signin", "auth-signin-redirect-param", "auth-response-headers", "auth-request-redirect",
		"auth-proxy-set-headers", "auth-cache-key", "auth-cache-duration", "auth-always-set-cookie":
		if a.externalAuth.url == nil && a.Unavailable == "" {
			return "without auth-url"
		}
	case "auth-tls-verify-depth", "auth-tls-error-page", "auth-tls-pass-certificate-to-upstream":
		if !a.ClientAuth.Asks() {
			return "without auth-tls-secret"
		}
	case "limit-burst-multiplier":
		if c := &a.Limits.client; c.PerSecond == 0 && c.PerMinute == 0 {
			return "without limit-rps or limit-rpm"
		}
	case exempt, olderExempt:
		if !a.Limits.limitsClients() {
			return "without limit-rps, limit-rpm or limit-connections"
		}
	case "limit-rate-after":
		if a.Limits.bandwidth.Rate == 0 {
			return "without limit-rate"
		}
	case "compression-types", "compression-min-length":
		if len(a.Compression.codings) == 0 {
			return "without compression"
		}
	}
	return ""
}

// isCanarys reports whether an annotation is looked at on a canary.
func isCanarys(key string) bool {
	name, ok := policyName(key)
	return ok && countsForCanary(name)
}

// KeepsOfService reports whether an annotation of a Service is read.
func KeepsOfService(key string) bool {
	return externaldns.Has(key) || noneOfServices(key)
}

// KeepsOfDNSEndpoint reports whether an annotation of a DNSEndpoint is read.
func KeepsOfDNSEndpoint(key string) bool {
	return externaldns.Has(key) || key == ViewsAnnotation
}

func noneOfServices(key string) bool {
	return syntax.IsForeign(key) || syntax.IsCertManagersKey(key) || strings.HasPrefix(key, OwnPrefix) || strings.HasPrefix(key, nginxPrefix)
}

// KeepsOfNamespace reports whether an annotation of a Namespace is read.
func KeepsOfNamespace(key string) bool {
	return strings.HasPrefix(key, OwnPrefix) || strings.HasPrefix(key, nginxPrefix)
}

// IneffectiveOnNamespace is the message about the annotations that have no effect on
// a Namespace, "" if there are none.
func IneffectiveOnNamespace(annotations map[string]string) string {
	var list Ineffective
	for key := range annotations {
		if KeepsOfNamespace(key) && key != DomainsAnnotation && !isOfTenant(key) {
			list.Add(key, "it belongs on an Ingress")
		}
	}
	return list.String()
}

// IneffectiveOnClass is the message about the annotations that have no effect on a
// class of ours, "" if there are none.
func IneffectiveOnClass(annotations map[string]string) string {
	var list Ineffective
	for key := range annotations {
		if KeepsOfNamespace(key) {
			list.Add(key, "it belongs on an Ingress, or as a default into the ConfigMap of spec.parameters")
		}
	}
	return list.String()
}

// IneffectiveOnService is the message about the annotations that have no effect on
// a Service that is the backend of a route, "" if there are none.
func IneffectiveOnService(annotations map[string]string) string {
	var list Ineffective
	for key := range annotations {
		if !noneOfServices(key) || key == WithdrawAnnotation || key == ViewsAnnotation {
			continue
		}
		why := "it belongs on an Ingress"
		if syntax.IsForeign(key) {
			why = ""
		}
		list.Add(key, why)
	}
	return list.String()
}
