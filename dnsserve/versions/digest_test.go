package versions

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// TestDigestFollowsChanges: it is the same as one made of nothing, whatever the zone
// said before, and another for other content.
func TestDigestFollowsChanges(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 2))
		z := content(nil, "")
		contents := map[string]string{}
		var d *digest
		for step := range 200 {
			var names []string
			for range random.IntN(6) {
				names = append(names, fmt.Sprintf("host%d", random.IntN(600)))
			}
			address := fmt.Sprintf("192.0.2.%d", random.IntN(3))
			if random.IntN(3) == 0 {
				address = "" // they go
			}
			if step%50 == 49 { // all go
				empty := *z
				empty.Nodes = gatelodge.Map[gatelodge.Name, *gatelodge.Node]{}
				z = &empty
			}
			z = content(z, address, names...)
			d = digestOf(z, d)
			if cold := digestOf(z, nil); d.String() != cold.String() || len(d.chunks) != len(cold.chunks) {
				t.Fatalf("seed %d, step %d: the digest that followed is %s in %d chunks, made of nothing it is %s in %d", seed, step, d, len(d.chunks), cold, len(cold.chunks))
			}
			var text string
			for _, n := range z.Nodes.All() {
				text += fmt.Sprintln(n.Records)
			}
			if other, ok := contents[d.String()]; ok && other != text {
				t.Fatalf("seed %d, step %d: two contents have the digest %s", seed, step, d)
			}
			contents[d.String()] = text
		}
	}
}

// bigZone is a zone of many names.
func bigZone(names int) *gatelodge.Zone {
	z := content(nil, "")
	edit := z.Nodes.Edit()
	for i := range names {
		name := gatelodge.Name(fmt.Sprintf("host%d.team%d.example", i, i%1000))
		edit.Set(name, &gatelodge.Node{Name: name, Records: []gatelodge.Record{{Name: name, Type: "A", TTL: time.Minute, Data: "192.0.2.1"}}})
	}
	z.Nodes = edit.Map()
	return z
}

// BenchmarkVersion measures what a second's changes of a large zone cost: ten names,
// as one version. leader makes the version and the item, replica reads and proves it.
func BenchmarkVersion(b *testing.B) {
	for _, names := range []int{1000, 100_000} {
		z := bigZone(names)
		leader := &zone{key: testKey, built: z, last: 1000, known: true}
		version, r := leader.next(time.Unix(1001, 0)), (*record)(nil)
		leader.version, r = version, recordOf(version, nil)
		replica := &zone{key: testKey, version: &Version{Serial: version.Serial, Zone: z, Proven: true, hash: version.hash, digest: version.digest}}
		n, known := 0, (*record)(nil)
		change := func() (*Version, *record) {
			n++
			names := make([]string, 10)
			for i := range names {
				names[i] = fmt.Sprintf("new%d", (n*10+i)%1000)
			}
			leader.built = content(leader.built, fmt.Sprintf("192.0.2.%d", n%250), names...)
			version := leader.next(time.Unix(1001, 0))
			leader.version = version
			leader.see(version.Serial)
			return version, recordOf(version, r)
		}
		b.Run(fmt.Sprintf("%d/leader", names), func(b *testing.B) {
			size := 0
			for b.Loop() {
				_, r = change()
				size = 0
				for _, part := range r.encode(testKey) {
					size += len(part)
				}
			}
			b.ReportMetric(float64(size)/1024, "KiB")
		})
		b.Run(fmt.Sprintf("%d/replica", names), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				replica.version = leader.version
				replica.recent = []*gatelodge.Zone{leader.built}
				_, r = change()
				replica.recent = append(replica.recent, leader.built)
				item := r.encode(testKey)
				b.StartTimer()
				read, err := decodeRecord(item, testKey, known)
				if err != nil {
					b.Fatal(err)
				}
				known = read
				if replica.proofOf(read) == nil {
					b.Fatal("the replica can't prove it")
				}
			}
		})
	}
}
