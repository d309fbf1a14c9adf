package kube_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"gatelodge.dev/e2e/apiserver"
)

// How the changes are made whose cost is measured: one after the other, with so
// much time between them that each is a rebuild of its own.
const (
	singleEdits   = 60
	editPause     = 250 * time.Millisecond
	singleChanges = 300 // of endpoints
	changePause   = 100 * time.Millisecond
)

// The load under which the time to serve a change is measured.
const (
	mixedTime        = 60 * time.Second
	editsPerSecond   = 10
	changesPerSecond = 50
)

// row is a line of the table: what was measured, and what is aimed at.
type row struct{ what, got, aim string }

// measurement is one run of the benchmark.
type measurement struct {
	*testing.B
	world   *world
	gateway *gateway
	rows    []row
	edited  int // Ingresses were edited so far
	changed int // EndpointSlices
}

// BenchmarkIngresses prints a table of what the gateway needs for 2,000 Ingresses
// and for 20,000: what a change costs must not grow with their number.
func BenchmarkIngresses(b *testing.B) {
	for _, namespaces := range []int{40, 400} {
		b.Run(fmt.Sprint(namespaces*ingresses), func(b *testing.B) { measure(b, namespaces) })
	}
}

func measure(b *testing.B, namespaces int) {
	ca, err := newAuthority()
	if err != nil {
		b.Fatal(err)
	}
	cluster := apiserver.Start(b)
	cluster.Apply(b, manifest(b, "rbac.yaml"))
	cluster.Apply(b, manifest(b, "example/ingressclass.yaml"))
	r := &measurement{B: b, world: &world{namespaces: namespaces, client: cluster.Client, ca: ca}}
	r.world.fill(b)
	startBackend(b)

	r.start(cluster.Kubeconfig(b, "gatelodge/gatelodge"))
	r.singleChanges()
	r.mixed()
	r.print()
}

// manifest reads a file of deploy/.
func manifest(b *testing.B, name string) string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join("../../../deploy", name))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func (r *measurement) report(what, aim, format string, args ...any) {
	r.rows = append(r.rows, row{what, fmt.Sprintf(format, args...), aim})
}

func (r *measurement) print() {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n%d Ingresses in %d namespaces over %d Services; %d CPUs, %s\n", r.world.namespaces*ingresses, r.world.namespaces, r.world.namespaces*services, runtime.NumCPU(), time.Now().Format(time.DateOnly))
	for _, row := range r.rows {
		fmt.Fprintf(table, "%s\t%s\t%s\n", row.what, row.got, row.aim)
	}
	table.Flush()
}

// start measures the start, and what the gateway holds when it has told the
// cluster everything that is served.
func (r *measurement) start(kubeconfig string) {
	begin := time.Now()
	r.gateway = startGateway(r.B, kubeconfig)
	r.gateway.awaitReady(r.B)
	r.report("start to ready, the lists included", "< 20 s", "%.1f s", time.Since(begin).Seconds())
	r.report("CPU time of that", "", "%.1f s", r.gateway.CPU().Seconds())
	r.report("RSS when ready", "< 300 MiB", "%d MiB", r.gateway.Memory("VmRSS")>>20)
	r.gateway.keepProfile(r.B, "heap", "ready")
	r.gateway.awaitQuiet(r.B)
	r.gateway.keepProfile(r.B, "heap", "told")
	r.report("time until every status is written", "", "%.0f s", time.Since(begin).Seconds())
	r.report("RSS then", "< 400 MiB", "%d MiB", r.gateway.Memory("VmRSS")>>20)
}

// singleChanges measures the CPU time of the whole process for one change, from
// the watch's event to the table that serves it and the Event that reports it.
func (r *measurement) singleChanges() {
	r.report("CPU time of an edit, told to the cluster", "", "%.1f ms", r.cpuOf(singleEdits, editPause, func() { r.edit() }))
	r.report("CPU time of a change of endpoints", "", "%.1f ms", r.cpuOf(singleChanges, changePause, r.changeEndpoints))
}

// cpuOf makes changes and returns the milliseconds of CPU time of each, beyond
// what the process needs while nothing changes.
func (r *measurement) cpuOf(changes int, pause time.Duration, change func()) float64 {
	r.Helper()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	spend := func(do func()) time.Duration {
		before := r.gateway.CPU()
		for range changes {
			<-tick.C
			do()
		}
		<-tick.C
		return r.gateway.CPU() - before
	}
	idle := spend(func() {})
	busy := spend(change)
	return float64((busy - idle).Microseconds()) / 1000 / float64(changes)
}

// mixed measures how soon edits are served while there are many changes, and
// whether other clients notice.
func (r *measurement) mixed() {
	load := r.startLoad()
	before := r.gateway.CPU()
	var profiled sync.WaitGroup
	profiled.Go(func() {
		r.gateway.keepProfile(r.B, fmt.Sprintf("profile?seconds=%.0f", (mixedTime/2).Seconds()), "changes")
	})
	served := r.churn()
	profiled.Wait()
	r.report("CPU during edits and changes of endpoints", "", "%.0f %% of a core", 100*(r.gateway.CPU()-before).Seconds()/mixedTime.Seconds())
	result := load.stop()
	r.report(fmt.Sprintf("acceptance to served, p50 of %d", len(served)), "< 15 ms", "%d ms", percentile(served, 50).Milliseconds())
	r.report("acceptance to served, p99", "< 30 ms", "%d ms", percentile(served, 99).Milliseconds())
	r.report(fmt.Sprintf("failed of %d requests to other hosts", result.requests), "0", "%d", result.failed)
	r.report("their latency, p50 and p99", "", "%.1f ms, %.1f ms", milliseconds(percentile(result.took, 50)), milliseconds(percentile(result.took, 99)))
	r.report("RSS at the end, and the most ever", "< 400 MiB", "%d MiB, %d MiB", r.gateway.Memory("VmRSS")>>20, r.gateway.Memory("VmHWM")>>20)
	for _, failure := range result.examples {
		r.Log(failure)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func percentile(times []time.Duration, p int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)*p/100, len(times)-1)]
}
