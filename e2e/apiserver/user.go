package apiserver

import (
	"fmt"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Kubeconfig returns the path of a kubeconfig for a user: "admin", who may do
// everything, or the service account "NAMESPACE/NAME", who may do what was
// granted. The account and its namespace are made if they do not exist. Each call
// asks for a new token, which is good for an hour, or until the account is
// deleted.
func (c *Cluster) Kubeconfig(t testing.TB, user string) string {
	t.Helper()
	if user == "admin" {
		return c.kubeconfigFile(user)
	}
	namespace, name := c.ensureAccount(t, user)
	request, err := c.Client.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("asking for a token of service account %s: %v", user, err)
	}
	if err := c.writeKubeconfig(user, request.Status.Token); err != nil {
		t.Fatalf("writing the kubeconfig of %s: %v", user, err)
	}
	return c.kubeconfigFile(user)
}

// Grant applies manifests and binds each Role and ClusterRole among them to the
// service account "NAMESPACE/NAME", which is made if it does not exist: a Role in
// its own namespace, a ClusterRole everywhere.
func (c *Cluster) Grant(t testing.TB, user, manifests string) {
	t.Helper()
	namespace, name := c.ensureAccount(t, user)
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}}
	for _, object := range c.Apply(t, manifests) {
		binding := metav1.ObjectMeta{Name: object.GetName() + "-" + name}
		role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: object.GetKind(), Name: object.GetName()}
		var err error
		switch object.GetKind() {
		case "Role":
			_, err = c.Client.RbacV1().RoleBindings(object.GetNamespace()).Create(t.Context(),
				&rbacv1.RoleBinding{ObjectMeta: binding, Subjects: subjects, RoleRef: role}, metav1.CreateOptions{})
		case "ClusterRole":
			_, err = c.Client.RbacV1().ClusterRoleBindings().Create(t.Context(),
				&rbacv1.ClusterRoleBinding{ObjectMeta: binding, Subjects: subjects, RoleRef: role}, metav1.CreateOptions{})
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatalf("binding %s %s to %s: %v", role.Kind, role.Name, user, err)
		}
	}
}

// ensureAccount makes a service account and its namespace unless they exist.
func (c *Cluster) ensureAccount(t testing.TB, user string) (namespace, name string) {
	t.Helper()
	namespace, name, ok := strings.Cut(user, "/")
	if !ok {
		t.Fatalf("user %q: want admin, or a service account as NAMESPACE/NAME", user)
	}
	_, err := c.Client.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err == nil || apierrors.IsAlreadyExists(err) {
		_, err = c.Client.CoreV1().ServiceAccounts(namespace).Create(t.Context(),
			&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	}
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatalf("making service account %s: %v", user, err)
	}
	return namespace, name
}

func (c *Cluster) writeKubeconfig(user, token string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["e2e"] = &clientcmdapi.Cluster{Server: serverURL(), CertificateAuthority: c.file("apiserver.crt")}
	config.AuthInfos["user"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["e2e"] = &clientcmdapi.Context{Cluster: "e2e", AuthInfo: "user"}
	config.CurrentContext = "e2e"
	if err := clientcmd.WriteToFile(*config, c.kubeconfigFile(user)); err != nil {
		return fmt.Errorf("user %s: %w", user, err)
	}
	return nil
}

func (c *Cluster) kubeconfigFile(user string) string {
	return c.file(strings.ReplaceAll(user, "/", "_") + ".kubeconfig")
}
