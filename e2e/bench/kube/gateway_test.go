package kube_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
)

// The gateway's listeners; the namespace is the benchmark's own.
const (
	httpAddress  = "127.0.0.1:8080"
	httpsAddress = "127.0.0.1:8443"
	adminAddress = "127.0.0.1:9080"
)

// The address that the gateway announces, and the manager of the fields that it
// writes: its namespace and the name of its instance.
const (
	announced    = "192.0.2.10"
	fieldManager = "gatelodge/gatelodge"
)

const gatewayConfig = `
apiVersion: gatelodge.dev/v1alpha1
kind: GatewayConfig
views: [{name: default, addresses: [` + announced + `]}]
dns:
  addresses: [192.0.2.53]
  zones: [{name: example.test, nameservers: [ns1]}]
accessLog: {enabled: false}
drain: {delay: 0s, timeout: 1s, tunnels: 1s}
`

// gateway is the one that is measured.
type gateway struct{ *undertest.Gateway }

// startGateway starts the gateway and ends it with the benchmark.
func startGateway(b *testing.B, kubeconfig string) *gateway {
	b.Helper()
	config := filepath.Join(b.TempDir(), "gateway.yaml")
	undertest.WriteFile(b, config, gatewayConfig)
	g := &gateway{undertest.New(b)}
	g.Env = []string{"POD_NAME=bench", "POD_NAMESPACE=gatelodge"}
	g.HTTP, g.HTTPS, g.DNS, g.Admin = httpAddress, httpsAddress, "127.0.0.1:8053", adminAddress
	g.Run(append([]string{"serve", "--config", config, "--kubeconfig", kubeconfig}, g.Flags()...)...)
	return g
}

// await tries until there is no error, for ten minutes at most.
func (g *gateway) await(b *testing.B, what string, try func() error) {
	b.Helper()
	undertest.AwaitWithin(b, 10*time.Minute, what, try, g)
}

// awaitReady returns once the gateway serves.
func (g *gateway) awaitReady(b *testing.B) {
	b.Helper()
	g.await(b, "the gateway to be ready", func() error {
		_, err := g.Page("/readyz")
		return err
	})
}

// awaitQuiet waits until the gateway has written every status and Event, and
// has nothing more to do.
func (g *gateway) awaitQuiet(b *testing.B) {
	b.Helper()
	const window, idle = 5 * time.Second, 150 * time.Millisecond
	var since time.Time
	var before time.Duration
	g.await(b, "the gateway to be quiet", func() error {
		if time.Since(since) < window {
			return errors.New("measured a moment ago")
		}
		now := g.CPU()
		used := now - before
		since, before = time.Now(), now
		if used >= idle {
			return fmt.Errorf("it used %v", used)
		}
		return nil
	})
}

// keepProfile writes a profile of the gateway to a file, if any are wanted.
func (g *gateway) keepProfile(b *testing.B, what, file string) {
	b.Helper()
	if *profiles == "" {
		return
	}
	response, err := http.Get("http://" + adminAddress + "/debug/pprof/" + what + "?gc=1")
	if err != nil {
		b.Error(err)
		return
	}
	defer response.Body.Close()
	profile, err := io.ReadAll(response.Body)
	if err == nil {
		err = os.WriteFile(filepath.Join(*profiles, file+".pprof"), profile, 0o600)
	}
	if err != nil {
		b.Error(err)
	}
}
