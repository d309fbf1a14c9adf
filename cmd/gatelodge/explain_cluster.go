package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	"gatelodge.dev/explain"
)

// The chart's pods have this label, and a port of this name.
const (
	gatewayPods = "app.kubernetes.io/name=gatelodge"
	adminPort   = "admin"
)

// forwardTime limits the time to open a forwarded port.
const forwardTime = 15 * time.Second

// askPod asks the admin endpoint of a pod of the gateway, at a port that the API server
// forwards to it, as kubectl port-forward does. The user of the kubeconfig needs the
// rights to list pods and to create pods/portforward.
func askPod(ctx context.Context, flags *explainFlags, text string) (*explain.Document, error) {
	config, _, err := clientConfig(flags.kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig %s: %w", flags.kubeconfig, err)
	}
	pod, port, err := adminPod(ctx, client, flags.namespace)
	if err != nil {
		return nil, err
	}
	at := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig %s: %w", flags.kubeconfig, err)
	}
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialer(at, config)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig %s: %w", flags.kubeconfig, err)
	}
	// API servers before 1.31 and some proxies support only SPDY.
	dialer := portforward.NewFallbackDialer(overWebSocket, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, at), func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	defer close(stop)
	var told strings.Builder // read only when forwarding has ended
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)}, stop, ready, io.Discard, &told)
	if err != nil {
		return nil, fmt.Errorf("forwarding a port to pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		if err == nil {
			err = errors.New(strings.TrimSpace(told.String()))
		}
		return nil, fmt.Errorf("forwarding a port to pod %s/%s: %w", pod.Namespace, pod.Name, err)
	case <-time.After(forwardTime):
		return nil, fmt.Errorf("forwarding a port to pod %s/%s: there is none after %v", pod.Namespace, pod.Name, forwardTime)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return nil, fmt.Errorf("forwarding a port to pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return askAdmin(ctx, http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d", ports[0].Local), flags, text)
}

// adminPod returns a pod of the gateway, a ready one if there is one, and the port of
// its admin endpoint.
func adminPod(ctx context.Context, client kubernetes.Interface, namespace string) (*corev1.Pod, int32, error) {
	list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: gatewayPods})
	if err != nil {
		return nil, 0, fmt.Errorf("listing the gateway's pods in namespace %s: %w", namespace, err)
	}
	running := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.Status.Phase != corev1.PodRunning || p.DeletionTimestamp != nil })
	if len(running) == 0 {
		return nil, 0, fmt.Errorf("no pod with the label %s runs in namespace %s, write the gateway's with --namespace", gatewayPods, namespace)
	}
	chosen := &running[max(slices.IndexFunc(running, isReadyPod), 0)]
	for _, container := range chosen.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == adminPort {
				return chosen, port.ContainerPort, nil
			}
		}
	}
	return nil, 0, fmt.Errorf("pod %s/%s has no port %s", chosen.Namespace, chosen.Name, adminPort)
}

func isReadyPod(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
