package kube_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// edited Ingresses are the first of each namespace; the others are those whose
// users should notice nothing.
const edited = 10

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func patch(path string, value any) ([]byte, error) {
	return json.Marshal([]operation{{"replace", path, value}})
}

// edit gives the next Ingress another host, and returns that host and when the
// API server had accepted it.
func (r *measurement) edit() (host string, accepted time.Time) {
	n, i := r.edited%r.world.namespaces, r.edited/r.world.namespaces%edited
	r.edited++
	host = fmt.Sprintf("e%d.%s", r.edited, hostName(n, i))
	body, err := patch("/spec/rules/0/host", host)
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.world.client.NetworkingV1().Ingresses(namespaceName(n)).Patch(r.Context(), ingressName(i), types.JSONPatchType, body, metav1.PatchOptions{}); err != nil {
		r.Error(err)
	}
	return host, time.Now()
}

// changeEndpoints takes an endpoint away from the next Service, or gives it
// back.
func (r *measurement) changeEndpoints() {
	n, s := r.changed%r.world.namespaces, r.changed/r.world.namespaces%services
	count := endpoints - 1 - r.changed/(r.world.namespaces*services)%2
	r.changed++
	body, err := patch("/endpoints", slice(n, s, count).Endpoints)
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.world.client.DiscoveryV1().EndpointSlices(namespaceName(n)).Patch(r.Context(), serviceName(s), types.JSONPatchType, body, metav1.PatchOptions{}); err != nil {
		r.Error(err)
	}
}

// churn edits Ingresses and changes endpoints at a steady rate, and returns how
// long each edit took from its acceptance until it was served.
func (r *measurement) churn() []time.Duration {
	var (
		mu     sync.Mutex
		served []time.Duration
		work   sync.WaitGroup
	)
	end := time.Now().Add(mixedTime)
	work.Go(func() {
		every(time.Second/changesPerSecond, end, r.changeEndpoints)
	})
	every(time.Second/editsPerSecond, end, func() {
		host, accepted := r.edit()
		work.Go(func() {
			at, err := awaitServed(host)
			if err != nil {
				r.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			served = append(served, at.Sub(accepted))
		})
	})
	work.Wait()
	return served
}

// every calls do at each tick until end. One that comes late is not made up for.
func every(period time.Duration, end time.Time, do func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for now := range tick.C {
		if now.After(end) {
			return
		}
		do()
	}
}

// awaitServed asks for a host by plain HTTP until it has a route, and returns
// when that was.
func awaitServed(host string) (time.Time, error) {
	client := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, "http://"+httpAddress, nil)
	if err != nil {
		return time.Time{}, err
	}
	request.Host = host
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for now := range tick.C {
		response, err := client.Do(request)
		if err != nil {
			return time.Time{}, err
		}
		_, _ = io.Copy(io.Discard, response.Body) // so that the connection is kept
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound {
			return time.Now(), nil
		}
		if now.After(deadline) {
			break
		}
	}
	return time.Time{}, fmt.Errorf("%s is not served", host)
}
