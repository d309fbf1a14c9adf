package compile

import (
	"fmt"
	"syscall"
	"testing"

	"gatelodge.dev/kube/kubetest"
	"gatelodge.dev/kube/objects"
)

// tenAnnotations are ones that people write, of several groups.
func tenAnnotations() map[string]string {
	annotations := make(map[string]string)
	for name, value := range map[string]string{
		"proxy-body-size": "8m", "proxy-read-timeout": "120", "proxy-send-timeout": "120", "ssl-redirect": "true", "limit-rps": "50",
		"allowlist-source-range": "10.0.0.0/8,192.0.2.0/24", "affinity": "cookie", "session-cookie-name": "route", "app-root": "/start", "backend-protocol": "HTTP",
	} {
		annotations["nginx.ingress.kubernetes.io/"+name] = value
	}
	return annotations
}

// BenchmarkTenAnnotations builds 500 Ingresses from nothing, without annotations and
// with ten each, in turn. "ratio" is the processor time of the second by that of the
// first: a gateway that moves from ingress-nginx starts as fast as any other.
func BenchmarkTenAnnotations(b *testing.B) {
	big, cfg := kubetest.BigCluster(b)
	plain := objects.Objects{Now: big.Now, Services: big.Services, Slices: big.Slices}
	annotated := plain
	for _, ingress := range big.Ingresses.All() {
		if plain.Ingresses.Len() == 500 {
			break
		}
		more := *ingress
		more.Annotations = tenAnnotations()
		plain.Ingresses = objects.WithObjects(plain.Ingresses, ingress)
		annotated.Ingresses = objects.WithObjects(annotated.Ingresses, &more)
	}
	if problems := new(Builder).Build(annotated, cfg).Problems; problems.Len() != new(Builder).Build(plain, cfg).Problems.Len() {
		b.Fatal(fmt.Sprint(problems))
	}
	var without, with int64
	for b.Loop() {
		start := processorTime(b)
		new(Builder).Build(plain, cfg)
		middle := processorTime(b)
		new(Builder).Build(annotated, cfg)
		without, with = without+middle-start, with+processorTime(b)-middle
	}
	b.ReportMetric(float64(with)/float64(without), "ratio")
}

// processorTime is what this process has used so far, in nanoseconds.
func processorTime(b *testing.B) int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
