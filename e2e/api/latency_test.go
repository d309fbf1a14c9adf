package api_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTimeToServed prints how long it takes from the moment at which the API
// server accepted an edit until it is served.
func TestTimeToServed(t *testing.T) {
	const edits = 200
	cluster := startCluster(t)
	g := start(t, "a", configFile(t, gatewayConfig), "--kubeconfig", cluster.Kubeconfig(t, us))
	cluster.Apply(t, startBackend(t, "shop", 1))
	client := g.Client()
	defer client.CloseIdleConnections()
	times := make([]time.Duration, 0, edits)
	for i := range edits {
		path := fmt.Sprintf("/v%d", i)
		cluster.Apply(t, strings.Replace(ingress("web", "web.example.test", ""), "path: /, pathType: Prefix", "path: "+path+", pathType: Exact", 1))
		accepted := time.Now()
		for deadline := accepted.Add(time.Minute); ; {
			response, err := client.Get("http://web.example.test" + path)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("edit %d is not served: %s answers %d", i, path, response.StatusCode)
			}
		}
		times = append(times, time.Since(accepted))
	}
	slices.Sort(times)
	at := func(share float64) time.Duration {
		return times[int(share*float64(edits-1))].Round(10 * time.Microsecond)
	}
	t.Logf("from acceptance to served, %d edits: least %v, median %v, 90%% %v, 99%% %v, most %v",
		edits, at(0), at(0.5), at(0.9), at(0.99), at(1))
}
