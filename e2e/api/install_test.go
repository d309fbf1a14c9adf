package api_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"gatelodge.dev/e2e/apiserver"
	"gatelodge.dev/e2e/chart"
)

// restricted is a namespace that takes pods of the restricted level only.
const restricted = `
apiVersion: v1
kind: Namespace
metadata:
  name: %s
  labels: {pod-security.kubernetes.io/enforce: restricted}
`

// TestManifestsAreAccepted: the API server takes whatever the chart makes, and
// the pods of it in a namespace that enforces the restricted Pod Security level.
func TestManifestsAreAccepted(t *testing.T) {
	cluster := apiserver.Start(t)
	check := func(t *testing.T, namespace, manifests string) {
		t.Helper()
		cluster.Apply(t, fmt.Sprintf(restricted, namespace))
		for _, object := range cluster.DryRun(t, manifests) {
			if object.GetKind() == "Deployment" {
				acceptPod(t, cluster, object)
			}
		}
	}
	t.Run("install.yaml", func(t *testing.T) { check(t, "gatelodge", manifest(t, "install.yaml")) })
	for _, install := range chart.Installs {
		t.Run(install.Idea, func(t *testing.T) {
			for _, namespace := range []string{"shop", "marketing"} {
				cluster.Apply(t, fmt.Sprintf(restricted, namespace))
			}
			manifests, err := chart.Render(t.Context(), "../../deploy", install)
			if err != nil {
				t.Fatal(err)
			}
			check(t, install.Release, manifests)
		})
	}
}

// acceptPod makes the pod of a Deployment without keeping it: of a Deployment
// alone Pod Security only warns.
func acceptPod(t *testing.T, cluster *apiserver.Cluster, object *unstructured.Unstructured) {
	t.Helper()
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &deployment); err != nil {
		t.Fatal(err)
	}
	template := deployment.Spec.Template
	template.Name = "a"
	template.Spec.PriorityClassName = "" // whose class a controller would have to resolve for the pod
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	if _, err := cluster.Client.CoreV1().Pods(object.GetNamespace()).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("the pod of %s: %v", object.GetName(), err)
	}
}

// TestRightsAreTheDocumentedOnes: what the API server says that the account of
// install.yaml may do, as kubectl auth can-i --list prints it, is what the table
// of docs/kubernetes.md says.
func TestRightsAreTheDocumentedOnes(t *testing.T) {
	cluster := startCluster(t)
	everywhere, own := documentedRights(t)
	both := maps.Clone(everywhere)
	maps.Copy(both, own)
	nobody := client(t, cluster, "gatelodge/nobody")
	gateway := client(t, cluster, us)
	for namespace, want := range map[string]rights{"shop": everywhere, "gatelodge": both} {
		got := rightsOf(t, gateway, namespace)
		for right := range rightsOf(t, nobody, namespace) { // what every account may do
			delete(got, right)
		}
		for right := range got {
			if !want[right] {
				t.Errorf("in %s the account may %s, which is not documented", namespace, right)
			}
		}
		for right := range want {
			if !got[right] {
				t.Errorf("in %s the account may not %s, as is documented", namespace, right)
			}
		}
	}
}

// rights are verbs with the resources that they are for: "watch services".
type rights map[string]bool

func rightsOf(t *testing.T, client kubernetes.Interface, namespace string) rights {
	t.Helper()
	review, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if review.Status.Incomplete {
		t.Fatalf("the list is incomplete: %s", review.Status.EvaluationError)
	}
	all := make(rights)
	for _, rule := range review.Status.ResourceRules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				if group != "" {
					resource += "." + group
				}
				for _, name := range orEmpty(rule.ResourceNames) {
					for _, verb := range rule.Verbs {
						all[strings.TrimSpace(verb+" "+resource+" "+name)] = true
					}
				}
			}
		}
	}
	for _, rule := range review.Status.NonResourceRules {
		for _, verb := range rule.Verbs {
			for _, url := range rule.NonResourceURLs {
				all[verb+" "+url] = true
			}
		}
	}
	return all
}

// orEmpty returns names, or the empty one, which stands for all of them.
func orEmpty(names []string) []string {
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// documentedRights reads the table: where, resources, verbs, what for.
func documentedRights(t *testing.T) (everywhere, own rights) {
	t.Helper()
	page, err := os.ReadFile("../../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (everywhere|own namespace) \| ([^|]+) \| ([^|]+) \|`)
	code := regexp.MustCompile("`([^`]+)`")
	everywhere, own = make(rights), make(rights)
	for _, cells := range row.FindAllStringSubmatch(string(page), -1) {
		into := everywhere
		if cells[1] == "own namespace" {
			into = own
		}
		for _, resource := range code.FindAllStringSubmatch(cells[2], -1) {
			for verb := range strings.SplitSeq(cells[3], ",") {
				into[strings.TrimSpace(verb)+" "+resource[1]] = true
			}
		}
	}
	if len(everywhere) == 0 || len(own) == 0 {
		t.Fatalf("the table of docs/kubernetes.md is not understood: %v %v", slices.Collect(maps.Keys(everywhere)), slices.Collect(maps.Keys(own)))
	}
	return everywhere, own
}

func client(t *testing.T, cluster *apiserver.Cluster, account string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig(t, account))
	if err != nil {
		t.Fatal(err)
	}
	made, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
