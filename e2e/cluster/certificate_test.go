//go:build debian

package cluster_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
	gatetls "gatelodge.dev/tls"
)

// A company's own CA, and the file of its certificate.
type authority struct {
	*gatetls.Authority
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	ca, err := gatetls.NewAuthority("Example Corp CA")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca.CertificatePEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return &authority{ca, file}
}

// applyWildcard puts a certificate for *.ZONE into the Secret wildcard of a
// namespace.
func (a *authority) applyWildcard(t *testing.T, namespace, zone string) {
	t.Helper()
	certificate, key, err := a.Issue([]gatelodge.Name{gatelodge.Name("*." + zone)}, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: wildcard, namespace: %s}
type: kubernetes.io/tls
data:
  tls.crt: %s
  tls.key: %s
  ca.crt: %s
`, namespace, base64.StdEncoding.EncodeToString(certificate), base64.StdEncoding.EncodeToString(key), base64.StdEncoding.EncodeToString(a.CertificatePEM())))
}
