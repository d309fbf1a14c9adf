// Package apiserver gives end-to-end tests a real Kubernetes API: kube-apiserver
// with RBAC on, and its etcd, in a network namespace of the test binary's own.
// No controller and no kubelet runs, so a test plays their part: it writes
// Endpoints and status itself, and nothing collects what is orphaned.
//
// A package that uses it hands its TestMain over:
//
//	func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }
//
// and a test then asks for a cluster, which takes some three seconds and 350 MB:
//
//	cluster := apiserver.Start(t)
//	cluster.Grant(t, "gatelodge/gatelodge", role)
//	gatelodge("serve", "--kubeconfig", cluster.Kubeconfig(t, "gatelodge/gatelodge"))
//	cluster.Apply(t, ingress)
//	cluster.APIServer.Stop()
//
// There is one cluster at a time in a process, as its ports are fixed. The
// servers' logs are in the test's artifact folder (go test -artifacts keeps it),
// and their ends are printed when the test fails. It runs on Linux only.
package apiserver
