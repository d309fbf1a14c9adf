package compile

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/secrets"
)

// secretOf finds the Secret that the annotations of a reference name, nil for
// none.
func secretOf(ref *intent.BackendRef, secrets objects.Table[*corev1.Secret]) *corev1.Secret {
	if ref.TLS.Secret == "" {
		return nil
	}
	return secrets.Get(objects.Key{Namespace: ref.Port.Namespace, Name: ref.TLS.Secret})
}

// backendTLS is a gatelodge.BackendTLS and its inputs, except the reference.
type backendTLS struct {
	secret *corev1.Secret // nil: there is none
	name   gatelodge.Name // the name of the Service in the cluster

	tls     *gatelodge.BackendTLS
	failure *failure
}

// addTLS adds TLS to the backend if it is used, and reports whether the requested
// settings are possible. It reuses an unchanged previous result, because new
// connections are made for another one.
func (r *backendResult) addTLS(ref *intent.BackendRef, objs *objects.Objects, before *backendResult) bool {
	if !r.backend.Protocol.OverTLS() {
		if ref.TLS != (annotations.BackendTLSAsk{}) {
			r.failure = &failure{gatelodge.BadAnnotation, fmt.Sprintf(
				"port %s of Service %s uses clear text, so the proxy-ssl annotations have no effect, expected backend-protocol HTTPS or GRPCS", ref.Port.Port, ref.Service())}
		}
		return true
	}
	next := backendTLS{secret: r.secret, name: r.clusterName(ref)}
	if before != nil && before.tls != nil && before.tls.secret == next.secret && before.tls.name == next.name {
		r.tls = before.tls
	} else {
		next.tls, next.failure = readBackendTLS(ref, r.secret, next.name)
		r.tls = &next
	}
	r.backend.TLS, r.failure = r.tls.tls, r.tls.failure
	return r.failure == nil
}

// clusterName returns the name by which clients in the cluster know the Service, which
// certificates made in a cluster usually cover.
func (r *backendResult) clusterName(ref *intent.BackendRef) gatelodge.Name {
	if objects.IsExternal(r.service) {
		return objects.ExternalName(r.service)
	}
	return gatelodge.Name(ref.Port.Name + "." + ref.Port.Namespace + ".svc")
}

// read reads the Secret. A route is not served with less protection than requested.
func readBackendTLS(ref *intent.BackendRef, secret *corev1.Secret, name gatelodge.Name) (*gatelodge.BackendTLS, *failure) {
	if ref.TLS.Name != "" {
		name = ref.TLS.Name
	}
	to := &gatelodge.BackendTLS{}
	if ref.TLS.SendName {
		to.ServerName = name
	}
	if ref.TLS.Secret == "" {
		return to, nil
	}
	where := ref.Port.Namespace + "/" + ref.TLS.Secret
	if secret == nil {
		return to, &failure{gatelodge.SecretMissing, fmt.Sprintf("there is no Secret %s, which proxy-ssl-secret names", where)}
	}
	var err error
	if to.Certificate, err = secrets.ReadClientCertificate(secret); err == nil && ref.TLS.Verify {
		to.VerifyName = name
		to.Roots, err = secrets.ReadRoots(secret)
	}
	if err != nil {
		return to, &failure{gatelodge.BadSecret, fmt.Sprintf("Secret %s, which proxy-ssl-secret names, %v", where, err)}
	}
	return to, nil
}
