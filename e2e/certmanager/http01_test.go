package certmanager_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/undertest"
)

// users has ann, whose password is "anna1".
const users = `
apiVersion: v1
kind: Secret
metadata: {name: users, namespace: shop}
stringData: {auth: "ann:$2b$04$abcdefghijklmnopqrstuuEOA.4XyCjgRBTmJFnQeoCmhIZKAAQ46\n"}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
`

// withCertificate returns an Ingress with annotations whose hosts have a certificate in
// the Secret NAME-tls.
func withCertificate(name, annotations string, hosts ...string) string {
	var rules strings.Builder
	for _, host := range hosts {
		fmt.Fprintf(&rules, "  - {host: %q, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}\n", host)
	}
	return fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: %[1]s
  namespace: shop
  annotations: {%[2]s}
spec:
  ingressClassName: gatelodge
  rules:
%[3]s  tls: [{hosts: [%[4]s], secretName: %[1]s-tls}]
`, name, annotations, &rules, `"`+strings.Join(hosts, `", "`)+`"`)
}

// byCertManager is the annotation that asks cert-manager for a certificate.
const byCertManager = "cert-manager.io/issuer: pebble"

// guarded returns an Ingress that has cert-manager get a certificate for its
// hosts, redirects to HTTPS and asks for a password.
func guarded(name, more string, hosts ...string) string {
	return withCertificate(name, byCertManager+`,
    nginx.ingress.kubernetes.io/force-ssl-redirect: "true",
    nginx.ingress.kubernetes.io/auth-type: basic,
    nginx.ingress.kubernetes.io/auth-secret: users, `+more, hosts...)
}

// TestHTTP01: cert-manager gets certificates by HTTP-01 for hosts whose Ingress
// redirects to HTTPS and asks for a password, by an Ingress of its own or a path
// in the host's Ingress, and again while the host has a certificate.
func TestHTTP01(t *testing.T) {
	s := newSite(t)
	s.cluster.Apply(t, users)
	s.cluster.Apply(t, guarded("web", "", "web.example.test"))
	s.cluster.Apply(t, guarded("edited", `acme.cert-manager.io/http01-edit-in-place: "true"`, "edited.example.test"))

	var first *x509.Certificate
	s.Await("the certificates", func() (err error) {
		if first, err = s.Accepted("web.example.test"); err == nil {
			_, err = s.Accepted("edited.example.test")
		}
		return err
	})
	s.stillGuarded(t, "web.example.test", "edited.example.test")
	undertest.Await(t, "cert-manager to add its path to the Ingress and to remove it", func() error {
		ingress, err := s.cluster.Client.NetworkingV1().Ingresses("shop").Get(t.Context(), "edited", metav1.GetOptions{})
		if err == nil && ingress.Generation < 3 {
			err = fmt.Errorf("it is of generation %d, want 3", ingress.Generation)
		}
		return err
	})

	s.cluster.Apply(t, guarded("web", "", "web.example.test", "www.example.test"))
	s.Await("the certificate for another host too", func() error {
		if _, err := s.Accepted("www.example.test"); err != nil {
			return err
		}
		leaf, err := s.Accepted("web.example.test")
		if err == nil && leaf.SerialNumber.Cmp(first.SerialNumber) == 0 {
			err = fmt.Errorf("it has still the first certificate, for %v", leaf.DNSNames)
		}
		return err
	})
	s.stillGuarded(t, "web.example.test", "www.example.test")

	if asked := s.nodes.askedBy(); len(asked) < 4 || slices.ContainsFunc(asked, func(scheme string) bool { return scheme != "http" }) {
		t.Errorf("the CA asked the solvers by %v; want four challenges in clear text, without a redirect", asked)
	}
	if problems := s.badAnnotations(); len(problems) > 0 {
		t.Errorf("problems with what cert-manager writes:\n%s", strings.Join(problems, ""))
	}
	undertest.Await(t, "cert-manager to clean up", func() error {
		left, err := s.cluster.Client.NetworkingV1().Ingresses("shop").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range left.Items {
			for _, rule := range left.Items[i].Spec.Rules {
				for _, path := range rule.HTTP.Paths {
					if path.Path != "/" {
						return fmt.Errorf("Ingress %s still has %s", left.Items[i].Name, path.Path)
					}
				}
			}
		}
		return nil
	})
}

// stillGuarded checks that the hosts redirect and ask for a password, also below
// the path of challenges.
func (s *site) stillGuarded(t *testing.T, hosts ...string) {
	t.Helper()
	for _, host := range hosts {
		for url, status := range map[string]int{
			"http://" + host + "/":  http.StatusPermanentRedirect,
			"https://" + host + "/": http.StatusUnauthorized,
			"https://" + host + "/.well-known/acme-challenge/no-token": http.StatusUnauthorized,
		} {
			if err := s.Answers(url, status); err != nil {
				t.Error(err)
			}
		}
	}
}
