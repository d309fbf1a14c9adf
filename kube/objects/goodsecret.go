package objects

import corev1 "k8s.io/api/core/v1"

// CertificateName is cert-manager's annotation on a Secret with the name of the
// Certificate that it is for.
const CertificateName = "cert-manager.io/certificate-name"

// GoodSecrets contains the TLS Secrets whose certificates could last be read. If a
// certificate is replaced by something invalid, the old one is still served, and a
// problem says so. A deleted Secret is not remembered, because deleting it is how to
// stop serving it.
type GoodSecrets = Table[*corev1.Secret]
