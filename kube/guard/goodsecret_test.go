package guard

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// TestGuardRemembersCertificates: the memory is handed from each build to the
// next.
func TestGuardRemembersCertificates(t *testing.T) {
	good := kubetest.TLSSecret(t, "shop/first", []string{"app.example.com"}, kubetest.Now.Add(-time.Hour), kubetest.Now.Add(time.Hour))
	broken := good.DeepCopy()
	broken.ResourceVersion = "broken"
	broken.Data = nil
	guard := &Guard{Log: slog.New(slog.DiscardHandler)}
	objs := kubetest.Manifests(strings.ReplaceAll(kubetest.TwoSecrets, ", {secretName: second}", ""))
	for i, secret := range []*corev1.Secret{good, broken, broken} {
		objs.Secrets = objects.TableOf(secret)
		snapshot, _ := guard.Build(objs, &objects.Config{WithoutClass: true})
		if !snapshot.Hosts.Get("app.example.com").Certified() {
			t.Errorf("build %d: the certificate is gone:\n%s", i, snapshot)
		}
	}
}
