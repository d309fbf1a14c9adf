package certmanager_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"gatelodge.dev/e2e/apiserver"
)

// solverPods selects what cert-manager makes for a challenge.
var solverPods = metav1.ListOptions{LabelSelector: "acme.cert-manager.io/http01-solver=true"}

const solverPort = 8089

// kubelet plays the parts of Kubernetes that a solver needs: it runs the Pods of
// solvers, each at an address of its own, and writes the EndpointSlices of their
// Services.
type kubelet struct {
	t      *testing.T
	client kubernetes.Interface
	shop   string

	running map[string]*http.Server // by Pod
	started int

	mu      sync.Mutex
	schemes []string // by which the CA asked solvers, as the gateway says
}

// startKubelet runs the solvers in a namespace until the test ends.
func startKubelet(t *testing.T, cluster *apiserver.Cluster, namespace string) *kubelet {
	t.Helper()
	k := &kubelet{t: t, client: cluster.Client, shop: namespace, running: make(map[string]*http.Server)}
	pods, err := k.client.CoreV1().Pods(namespace).Watch(t.Context(), solverPods)
	if err != nil {
		t.Fatal(err)
	}
	services, err := k.client.CoreV1().Services(namespace).Watch(t.Context(), solverPods)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { k.run(ctx, pods, services) })
	t.Cleanup(func() {
		cancel()
		done.Wait()
		for _, server := range k.running {
			server.Close()
		}
	})
	return k
}

// run looks at everything whenever something changes.
func (k *kubelet) run(ctx context.Context, pods, services watch.Interface) {
	defer pods.Stop()
	defer services.Stop()
	for {
		if err := k.sync(ctx); err != nil && ctx.Err() == nil {
			k.t.Errorf("playing the kubelet: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-pods.ResultChan():
		case <-services.ResultChan():
		}
	}
}

func (k *kubelet) sync(ctx context.Context) error {
	pods, err := k.client.CoreV1().Pods(k.shop).List(ctx, solverPods)
	if err != nil {
		return err
	}
	there := make(map[string]bool)
	for i := range pods.Items {
		pod := &pods.Items[i]
		there[pod.Name] = true
		if k.running[pod.Name] == nil {
			if err := k.start(ctx, pod); err != nil {
				return err
			}
		}
	}
	for name, server := range k.running {
		if !there[name] {
			server.Close()
			delete(k.running, name)
		}
	}
	services, err := k.client.CoreV1().Services(k.shop).List(ctx, solverPods)
	if err != nil {
		return err
	}
	for i := range services.Items {
		if err := k.writeSlice(ctx, &services.Items[i], pods.Items); err != nil {
			return err
		}
	}
	return nil
}

// start answers as the container of the Pod would, by its arguments, and says
// that the Pod is ready.
func (k *kubelet) start(ctx context.Context, pod *corev1.Pod) error {
	args := make(map[string]string)
	for _, arg := range pod.Spec.Containers[0].Args {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		args[name] = value
	}
	k.started++
	address := apiserver.Address(k.started).String()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(solverPort)))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := strings.Cut(r.Host, ":") // Pebble's has a port
		if host != args["domain"] || r.URL.Path != "/.well-known/acme-challenge/"+args["token"] {
			http.NotFound(w, r)
			return
		}
		if strings.Contains(r.UserAgent(), "Pebble") {
			k.mu.Lock()
			k.schemes = append(k.schemes, r.Header.Get("X-Forwarded-Proto"))
			k.mu.Unlock()
		}
		io.WriteString(w, args["key"])
	})}
	k.running[pod.Name] = server
	go server.Serve(listener)
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	_, err = k.client.CoreV1().Pods(k.shop).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // its deletion, or what changed, is seen next
		server.Close()
		delete(k.running, pod.Name)
		return nil
	}
	return err
}

// writeSlice makes the EndpointSlice of a Service whose Pod has an address.
func (k *kubelet) writeSlice(ctx context.Context, service *corev1.Service, pods []corev1.Pod) error {
	port := int32(solverPort)
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: service.Name, Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: service.Name, UID: service.UID}},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: &service.Spec.Ports[0].Name, Port: &port}},
	}
	for i := range pods {
		if address := pods[i].Status.PodIP; address != "" && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pods[i].Labels)) {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{address}})
		}
	}
	if len(slice.Endpoints) == 0 {
		return nil
	}
	_, err := k.client.DiscoveryV1().EndpointSlices(k.shop).Create(ctx, slice, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// askedBy returns the schemes by which the CA asked solvers until now.
func (k *kubelet) askedBy() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.schemes[:len(k.schemes):len(k.schemes)]
}
