package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/undertest"
)

// statusOf returns the addresses in an Ingress's status, and whose they are.
func statusOf(t *testing.T, cluster *apiserver.Cluster, namespace, name string) (addresses, managers []string) {
	t.Helper()
	ingress, err := cluster.Client.NetworkingV1().Ingresses(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, ingress := range ingress.Status.LoadBalancer.Ingress {
		addresses = append(addresses, ingress.IP)
	}
	for _, entry := range ingress.ManagedFields {
		if entry.Subresource == "status" {
			managers = append(managers, entry.Manager)
		}
	}
	return addresses, managers
}

// awaitStatus waits until the status of an Ingress in shop has this address
// only, from this manager; none with an empty address.
func awaitStatus(t *testing.T, cluster *apiserver.Cluster, name, address, manager string) {
	t.Helper()
	want := fmt.Sprint([]string{address}, []string{manager})
	if address == "" {
		want = "[] []"
	}
	undertest.Await(t, "the status of "+name, func() error {
		addresses, managers := statusOf(t, cluster, "shop", name)
		if got := fmt.Sprint(addresses, managers); got != want {
			return fmt.Errorf("status %s, want %s", got, want)
		}
		return nil
	})
}

// eventsOf lists the Events of an object of this reason.
func eventsOf(t *testing.T, cluster *apiserver.Cluster, namespace, name, reason string) []corev1.Event {
	t.Helper()
	list, err := cluster.Client.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.name=" + name + ",reason=" + reason,
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// awaitEvent waits until there is an Event of the object, and returns the only
// one.
func awaitEvent(t *testing.T, cluster *apiserver.Cluster, namespace, name, reason string) corev1.Event {
	t.Helper()
	var events []corev1.Event
	undertest.Await(t, reason+" of "+name, func() error {
		if events = eventsOf(t, cluster, namespace, name, reason); len(events) == 0 {
			return fmt.Errorf("no Event")
		}
		return nil
	})
	if len(events) > 1 {
		t.Errorf("%s of %s is told %d times", reason, name, len(events))
	}
	return events[0]
}

// leader waits until exactly one of the replicas leads, and returns it first.
func leader(t *testing.T, replicas ...*undertest.Gateway) (leading *undertest.Gateway, others []*undertest.Gateway) {
	t.Helper()
	undertest.Await(t, "one leader", func() error {
		leading, others = nil, nil
		for _, g := range replicas {
			_, metrics, err := g.Get("http://" + g.Admin + "/metrics")
			if err != nil {
				return err
			}
			switch {
			case !strings.Contains(metrics, "\ngatelodge_leader 1\n"):
				others = append(others, g)
			case leading != nil:
				return fmt.Errorf("%s and %s lead", leading.Name, g.Name)
			default:
				leading = g
			}
		}
		if leading == nil {
			return fmt.Errorf("no replica leads")
		}
		return nil
	})
	return leading, others
}

const us = "gatelodge/gatelodge"

func TestOneReplicaReports(t *testing.T) {
	cluster := startCluster(t)
	kubeconfig := cluster.Kubeconfig(t, us)
	a := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", kubeconfig)
	b := start(t, "b", configFile(t, gatewayConfig), "--kubeconfig", kubeconfig)
	first, others := leader(t, a, b)
	second := others[0]

	cluster.Apply(t, startBackend(t, "shop", 1)+"---\n"+ingress("web", "web.example.test", ""))
	awaitStatus(t, cluster, "web", "192.0.2.10", us)
	for _, g := range []*undertest.Gateway{a, b} {
		undertest.Await(t, "the route", func() error { return g.Answers("http://web.example.test/", http.StatusOK) })
	}
	if serving := awaitEvent(t, cluster, "shop", "web", "Serving"); serving.ReportingInstance != first.Name || serving.Type != "Normal" ||
		!strings.Contains(serving.Message, "web.example.test") {
		t.Errorf("the leader is %s, and the Event is %+v", first.Name, serving)
	}
	cluster.Apply(t, strings.Replace(ingress("odd", "odd.example.test", ""), "name: odd", "name: odd, annotations: {gatelodge.dev/ssl-redirect: perhaps}", 1))
	if problem := awaitEvent(t, cluster, "shop", "odd", "Problem"); problem.ReportingInstance != first.Name || problem.Type != "Warning" ||
		!strings.Contains(problem.Message, "BadAnnotation: ") {
		t.Errorf("the leader is %s, and the Event is %+v", first.Name, problem)
	}
	if told := eventsOf(t, cluster, "shop", "odd", "Serving"); len(told) != 1 {
		t.Errorf("a host with a problem that is served all the same has %d Events", len(told))
	}

	first.Kill()
	killed := time.Now()
	cluster.Apply(t, ingress("later", "later.example.test", ""))
	awaitStatus(t, cluster, "later", "192.0.2.10", us)
	t.Logf("the next leader reported %v after the first was killed", time.Since(killed).Round(time.Millisecond))
	if serving := awaitEvent(t, cluster, "shop", "later", "Serving"); serving.ReportingInstance != second.Name {
		t.Errorf("%s leads, and %s reports", second.Name, serving.ReportingInstance)
	}
	awaitStatus(t, cluster, "web", "192.0.2.10", us)
	for _, reason := range []string{"Serving", "Problem"} {
		if told := awaitEvent(t, cluster, "shop", "odd", reason); told.ReportingInstance != first.Name || !told.FirstTimestamp.Equal(&told.LastTimestamp) {
			t.Errorf("the next leader told again: %+v", told)
		}
	}
	if log := second.Stderr.String(); strings.Contains(log, "msg=cluster") {
		t.Errorf("the rights do not suffice:\n%s", log)
	}
	second.AwaitLog("msg=status ingress=shop/later ") // its line follows the answer to what it wrote
	for name, writer := range map[string]*undertest.Gateway{"web": first, "later": second} {
		for _, g := range []*undertest.Gateway{a, b} {
			if wrote := strings.Count(g.Stderr.String(), "msg=status ingress=shop/"+name+" "); (wrote == 1) != (g == writer) {
				t.Errorf("%s wrote the status of %s %d times", g.Name, name, wrote)
			}
		}
	}
}

func TestStatusIsTakenBack(t *testing.T) {
	cluster := startCluster(t)
	cluster.Apply(t, `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: other}
spec: {controller: gatelodge.dev/other}
---
apiVersion: v1
kind: Namespace
metadata: {name: visitors}
`)
	cluster.Apply(t, startBackend(t, "shop", 1))
	kubeconfig := cluster.Kubeconfig(t, us)
	file := configFile(t, gatewayConfig+"ingress: {hostSharing: any}\n")
	start(t, "a", file, "--kubeconfig", kubeconfig)
	start(t, "b", configFile(t, strings.ReplaceAll(gatewayConfig, "192.0.2.10", "192.0.2.20")+
		"name: other\ningress: {controller: gatelodge.dev/other}\n"), "--kubeconfig", kubeconfig)
	other := "gatelodge/other"
	ofOther := func(manifest string) string {
		return strings.Replace(manifest, "ingressClassName: gatelodge", "ingressClassName: other", 1)
	}

	t.Run("two gateways of different class leave each other's alone", func(t *testing.T) {
		cluster.Apply(t, ingress("ours", "ours.example.test", ""))
		cluster.Apply(t, ofOther(ingress("theirs", "theirs.example.test", "")))
		awaitStatus(t, cluster, "ours", "192.0.2.10", us)
		awaitStatus(t, cluster, "theirs", "192.0.2.20", other)
		awaitStatus(t, cluster, "ours", "192.0.2.10", us)
	})

	t.Run("it moves with the class", func(t *testing.T) {
		cluster.Apply(t, ofOther(ingress("ours", "ours.example.test", "")))
		awaitStatus(t, cluster, "ours", "192.0.2.20", other)
	})

	t.Run("it is removed when the Ingress moves to a class that no gateway has", func(t *testing.T) {
		cluster.Apply(t, strings.Replace(ingress("theirs", "theirs.example.test", ""), "ingressClassName: gatelodge", "ingressClassName: nobody", 1))
		awaitStatus(t, cluster, "theirs", "", "")
	})

	t.Run("what another manager wrote stays", func(t *testing.T) {
		cluster.Apply(t, strings.Replace(ingress("foreign", "foreign.example.test", ""), "ingressClassName: gatelodge", "ingressClassName: nobody", 1))
		foreign, err := cluster.Client.NetworkingV1().Ingresses("shop").Get(t.Context(), "foreign", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		foreign.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "198.51.100.1"}}
		if _, err := cluster.Client.NetworkingV1().Ingresses("shop").UpdateStatus(t.Context(), foreign, metav1.UpdateOptions{FieldManager: "somebody"}); err != nil {
			t.Fatal(err)
		}
		cluster.Apply(t, ingress("sentinel", "sentinel.example.test", ""))
		awaitStatus(t, cluster, "sentinel", "192.0.2.10", us) // written after all before it
		awaitStatus(t, cluster, "foreign", "198.51.100.1", "somebody")
	})

	t.Run("it goes with the claim", func(t *testing.T) {
		// Of two claims within a second, that of the earlier namespace by name
		// is granted.
		cluster.Apply(t, ingress("holder", "fought.example.test", ""))
		awaitStatus(t, cluster, "holder", "192.0.2.10", us)
		loser := strings.NewReplacer("namespace: shop", "namespace: visitors", "path: /,", "path: /visit,").Replace(ingress("holder", "fought.example.test", ""))
		cluster.Apply(t, loser)
		undertest.Await(t, "the status of the second claim", func() error {
			if addresses, _ := statusOf(t, cluster, "visitors", "holder"); !slices.Equal(addresses, []string{"192.0.2.10"}) {
				return fmt.Errorf("status %v", addresses)
			}
			return nil
		})
		undertest.WriteFile(t, file, gatewayConfig+"ingress: {hostSharing: namespace}\n")
		undertest.Await(t, "the loser's status to go", func() error {
			if addresses, managers := statusOf(t, cluster, "visitors", "holder"); len(addresses)+len(managers) > 0 {
				return fmt.Errorf("status %v of %v", addresses, managers)
			}
			return nil
		})
		awaitStatus(t, cluster, "holder", "192.0.2.10", us)
		if problem := awaitEvent(t, cluster, "visitors", "holder", "Problem"); !strings.Contains(problem.Message, "HostTaken: ") {
			t.Errorf("the loser is told %q", problem.Message)
		}
	})
}
