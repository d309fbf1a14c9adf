package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// TestAdminPod: a ready pod is asked where there is one; e2e/cluster asks one.
func TestAdminPod(t *testing.T) {
	pod := func(name string, phase corev1.PodPhase, ready corev1.ConditionStatus, port string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "gatelodge", Name: name, Labels: map[string]string{"app.kubernetes.io/name": "gatelodge"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: port, ContainerPort: 9081}}}}},
			Status:     corev1.PodStatus{Phase: phase, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}},
		}
	}
	starting, ready, ended := pod("a", corev1.PodRunning, corev1.ConditionFalse, "admin"), pod("b", corev1.PodRunning, corev1.ConditionTrue, "admin"), pod("c", corev1.PodFailed, corev1.ConditionFalse, "admin")
	other := pod("d", corev1.PodRunning, corev1.ConditionTrue, "admin")
	other.Labels = nil
	for _, test := range []struct {
		name string
		pods []*corev1.Pod
		want string // a pod, or what the error says
	}{
		{"the ready one", []*corev1.Pod{starting, ready, ended, other}, "b"},
		{"none is ready", []*corev1.Pod{starting, ended, other}, "a"},
		{"none runs", []*corev1.Pod{ended, other}, "write the gateway's with --namespace"},
		{"another port", []*corev1.Pod{pod("a", corev1.PodRunning, corev1.ConditionTrue, "metrics")}, "pod gatelodge/a has no port admin"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := fake.NewClientset()
			for _, p := range test.pods {
				if err := client.Tracker().Add(p); err != nil {
					t.Fatal(err)
				}
			}
			pod, port, err := adminPod(t.Context(), client, "gatelodge")
			switch {
			case err != nil && !strings.Contains(err.Error(), test.want):
				t.Error(err)
			case err == nil && (pod.Name != test.want || port != 9081):
				t.Errorf("got %s, port %d", pod.Name, port)
			}
		})
	}
}
