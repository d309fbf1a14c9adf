package apiserver_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

func TestCluster(t *testing.T) {
	cluster := apiserver.Start(t)

	t.Run("it is the pinned version", func(t *testing.T) {
		version, err := cluster.Client.Discovery().ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(version.GitVersion, "v1.37.") || version.Minor != "37" {
			t.Errorf("the server says it is %s, minor version %s", version.GitVersion, version.Minor)
		}
	})

	t.Run("it takes an Ingress and an EndpointSlice of test addresses", func(t *testing.T) {
		manifests := strings.ReplaceAll(shop, "ADDRESS", apiserver.Address(0).String())
		objects := cluster.Apply(t, manifests)
		if len(objects) != 2 {
			t.Fatalf("applied %d objects, want 2", len(objects))
		}
		for _, object := range objects {
			if object.GetNamespace() != "default" || object.GetUID() == "" || object.GetResourceVersion() == "" {
				t.Errorf("%s is not as a server would have it: %v", object.GetKind(), object.Object["metadata"])
			}
		}
	})

	t.Run("the administrator may read everything", func(t *testing.T) {
		if _, err := as(t, cluster, "admin").CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
	})

	t.Run("a user may do what was granted and nothing else", func(t *testing.T) {
		client := as(t, cluster, "gatelodge/reader")
		if _, err := client.NetworkingV1().Ingresses("").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("listing Ingresses without rights: %v, want forbidden", err)
		}
		cluster.Grant(t, "gatelodge/reader", readIngresses)
		cluster.Grant(t, "gatelodge/reader", readIngresses) // again changes nothing
		undertest.Await(t, "the grant to hold", func() error {
			_, err := client.NetworkingV1().Ingresses("").List(t.Context(), metav1.ListOptions{})
			return err
		})
		undertest.Await(t, "the grant in the namespace gatelodge to hold", func() error {
			_, err := client.CoreV1().ConfigMaps("gatelodge").List(t.Context(), metav1.ListOptions{})
			return err
		})
		if _, err := client.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("listing ConfigMaps of another namespace than the Role's: %v, want forbidden", err)
		}
		if _, err := client.CoreV1().Secrets("gatelodge").List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("listing Secrets: %v, want forbidden", err)
		}
	})

	t.Run("a user whose account is deleted is not known any more", func(t *testing.T) {
		client := as(t, cluster, "gatelodge/leaver")
		if err := cluster.Client.CoreV1().ServiceAccounts("gatelodge").Delete(t.Context(), "leaver", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		undertest.Await(t, "the token to be refused", func() error {
			_, err := client.NetworkingV1().Ingresses("").List(t.Context(), metav1.ListOptions{})
			if !apierrors.IsUnauthorized(err) {
				return fmt.Errorf("want unauthorized, got %v", err)
			}
			return nil
		})
	})
}

func TestObjectsOutliveTheServers(t *testing.T) {
	cluster := apiserver.Start(t)
	cluster.Apply(t, strings.ReplaceAll(shop, "ADDRESS", apiserver.Address(0).String()))
	find := func() error {
		_, err := cluster.Client.NetworkingV1().Ingresses("default").Get(t.Context(), "shop", metav1.GetOptions{})
		return err
	}

	cluster.APIServer.Stop()
	if err := find(); err == nil {
		t.Error("the API server answers though it was stopped")
	}
	cluster.APIServer.Start(t)
	cluster.WaitReady(t)
	undertest.Await(t, "the object after a restart of the API server", find)

	cluster.Etcd.Stop()
	cluster.Etcd.Start(t)
	cluster.WaitReady(t)
	undertest.Await(t, "the object after a restart of etcd", find)
}

func TestAddressesAreLocalAndDistinct(t *testing.T) {
	seen := make(map[netip.Addr]bool)
	for _, i := range []int{0, 1, 254, 255, 256, 65000} {
		address := apiserver.Address(i)
		if seen[address] {
			t.Errorf("address %d is %s, as another is", i, address)
		}
		seen[address] = true
		listener, err := net.Listen("tcp", net.JoinHostPort(address.String(), "80"))
		if err != nil {
			t.Errorf("address %d: %v", i, err)
			continue
		}
		defer listener.Close()
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Errorf("address %d: %v", i, err)
			continue
		}
		conn.Close()
	}
}

func TestNothingLeadsOut(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			t.Errorf("the namespace has the interface %s", i.Name)
		}
	}
}

// as returns a client of a service account, whose kubeconfig it reads.
func as(t *testing.T, cluster *apiserver.Cluster, user string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig(t, user))
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
