package kube

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	gatelodge "gatelodge.dev"
)

// caKey is the key of a Secret at which the certificates of a CA stand.
const caKey = "ca.crt"

// backendTLSAsk is what the proxy-ssl annotations ask for.
type backendTLSAsk struct {
	verify   bool
	sendName bool
	name     gatelodge.Name // "": the name that the Service has in the cluster
	secret   string         // "": none
}

// key tells the references of different asks apart; it is "" for one that asks
// for nothing, which is the key's form for most.
func (ask backendTLSAsk) key() string {
	var parts []string
	if ask.verify {
		parts = append(parts, "verify")
	}
	if ask.sendName {
		parts = append(parts, "server-name")
	}
	if ask.name != "" {
		parts = append(parts, "name="+string(ask.name))
	}
	if ask.secret != "" {
		parts = append(parts, "secret="+ask.secret)
	}
	if len(parts) == 0 {
		return ""
	}
	return "+ssl(" + strings.Join(parts, ",") + ")"
}

func setProxySSLVerify(a *asked, value string) (err error) {
	a.backendTLS.verify, err = parseOnOff(value)
	return err
}

func setProxySSLServerName(a *asked, value string) (err error) {
	a.backendTLS.sendName, err = parseOnOff(value)
	return err
}

func setProxySSLName(a *asked, value string) error {
	name, err := gatelodge.ParseName(value)
	if err != nil || name.IsWildcard() {
		return errors.New("is no name of a server")
	}
	a.backendTLS.name = name
	return nil
}

// setProxySSLSecret takes a Secret of another namespace for a mistake: whoever
// may write an Ingress could use any key of the cluster.
func setProxySSLSecret(a *asked, value string) error {
	namespace, name, qualified := strings.Cut(value, "/")
	if !qualified {
		namespace, name = a.namespace, value
	}
	if name == "" || namespace != a.namespace {
		return errors.New("names no Secret that the Ingress may use")
	}
	a.backendTLS.secret = name
	return nil
}

// parseOnOff reads a switch in the form that these annotations have.
func parseOnOff(value string) (bool, error) {
	switch value {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, errors.New("is neither on nor off")
}

// check looks at the annotations together, once all were read: without a CA
// there is nothing to verify by.
func (ask backendTLSAsk) check(a *asked, in *ingress) {
	if ask.verify && ask.secret == "" && a.unavailable == "" {
		in.problem(gatelodge.BadAnnotation, "annotation proxy-ssl-verify needs proxy-ssl-secret, a Secret with the CA in ca.crt")
		a.deny("the backend's certificate can't be verified")
	}
}

// secretOf finds the Secret that the annotations of a reference name, nil for
// none.
func secretOf(ref *backendRef, s *secrets) *corev1.Secret {
	if ref.tls.secret == "" {
		return nil
	}
	return s.byName[types.NamespacedName{Namespace: ref.port.Namespace, Name: ref.tls.secret}]
}

// backendTLS is a gatelodge.BackendTLS and what it was made of, beside the
// reference.
type backendTLS struct {
	secret version        // zero: there is none
	name   gatelodge.Name // that the Service has in the cluster

	tls     *gatelodge.BackendTLS
	failure *failure
}

// addTLS adds how TLS is spoken, if it is, and tells whether that can be done
// as asked. It keeps that of the result before if it is the same, because new
// connections are made for another.
func (r *backendResult) addTLS(ref *backendRef, objects *Objects, before *backendResult) bool {
	if !r.backend.Protocol.OverTLS() {
		if ref.tls != (backendTLSAsk{}) {
			r.failure = &failure{gatelodge.BadAnnotation, fmt.Sprintf(
				"port %s of Service %s is spoken to in clear text, so that the proxy-ssl annotations have no effect, expected backend-protocol HTTPS or GRPCS", ref.port.Port, ref.service())}
		}
		return true
	}
	next := backendTLS{name: r.clusterName(ref)}
	if r.secret != nil {
		next.secret = objects.versionOf(&r.secret.ObjectMeta)
	}
	if before != nil && before.tls != nil && before.tls.secret == next.secret && before.tls.name == next.name {
		r.tls = before.tls
	} else {
		next.tls, next.failure = readBackendTLS(ref, r.secret, next.name)
		r.tls = &next
	}
	r.backend.TLS, r.failure = r.tls.tls, r.tls.failure
	return r.failure == nil
}

// clusterName is the name by which others speak to the Service, which
// certificates made in a cluster are for.
func (r *backendResult) clusterName(ref *backendRef) gatelodge.Name {
	if isExternal(r.service) {
		name, _ := gatelodge.ParseName(r.service.Spec.ExternalName) // port looked at the error
		return name
	}
	return gatelodge.Name(ref.port.Name + "." + ref.port.Namespace + ".svc")
}

// read reads the Secret. A route is not served with less than it asks for.
func readBackendTLS(ref *backendRef, secret *corev1.Secret, name gatelodge.Name) (*gatelodge.BackendTLS, *failure) {
	if ref.tls.name != "" {
		name = ref.tls.name
	}
	to := &gatelodge.BackendTLS{}
	if ref.tls.sendName {
		to.ServerName = name
	}
	if ref.tls.secret == "" {
		return to, nil
	}
	where := ref.port.Namespace + "/" + ref.tls.secret
	if secret == nil {
		return to, &failure{gatelodge.SecretMissing, fmt.Sprintf("there is no Secret %s, which proxy-ssl-secret names", where)}
	}
	var err error
	if to.Certificate, err = readClientCertificate(secret); err == nil && ref.tls.verify {
		to.VerifyName = name
		to.Roots, err = readRoots(secret)
	}
	if err != nil {
		return to, &failure{gatelodge.BadSecret, fmt.Sprintf("Secret %s, which proxy-ssl-secret names, %v", where, err)}
	}
	return to, nil
}

// readRoots reads the CAs of a Secret.
func readRoots(secret *corev1.Secret) ([]*x509.Certificate, error) {
	var roots []*x509.Certificate
	for block, rest := pem.Decode(secret.Data[caKey]); block != nil; block, rest = pem.Decode(rest) {
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("holds no certificate of a CA in %s: %w", caKey, err)
		}
		roots = append(roots, root)
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("has no %s to verify by, expected certificates of a CA in PEM", caKey)
	}
	return roots, nil
}

// readClientCertificate reads the gateway's own certificate; nil if there is
// none.
func readClientCertificate(secret *corev1.Secret) (*tls.Certificate, error) {
	chain, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	if len(chain) == 0 && len(key) == 0 {
		return nil, nil
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("holds no key pair in tls.crt and tls.key: %w", err)
	}
	return &pair, nil
}
