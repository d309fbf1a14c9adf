package objects

import corev1 "k8s.io/api/core/v1"

// CertificateName is the annotation by which cert-manager says on a Secret for which of
// its Certificates it has filled it.
const CertificateName = "cert-manager.io/certificate-name"

// GoodSecrets is the TLS Secrets as certificates could last be read from them.
// Where a certificate is replaced by something that is not one, the old one is
// served on, and a problem says so. A Secret that is deleted is not remembered:
// to delete it is the way to have it served no longer.
type GoodSecrets = Table[*corev1.Secret]
