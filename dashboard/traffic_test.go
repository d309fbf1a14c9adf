package dashboard

import (
	"math"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// tries is traffic in three buckets.
func tries(fast, slow, more, failures float64) []gatelodge.Traffic {
	return []gatelodge.Traffic{{Namespace: "shop", Service: "web", Requests: fast + slow + more, Failures: failures,
		Took: []gatelodge.Took{{Seconds: 0.1, Tries: fast}, {Seconds: 1, Tries: fast + slow}, {Seconds: math.Inf(1), Tries: fast + slow + more}}}}
}

func TestRates(t *testing.T) {
	b := newBoard(t, served(""))
	b.traffic = tries(100, 0, 0, 0)
	if _, body := b.get(t, "backends?q=web"); !strings.Contains(body, "Rates are known in a few seconds") {
		t.Error("rates are known at once")
	}
	b.now = b.now.Add(10 * time.Second)
	b.traffic = tries(150, 50, 0, 20)
	if _, body := b.get(t, "backends?q=web"); !strings.Contains(body, "over the last 10 seconds") ||
		!strings.Contains(body, `<td class="num">10</td><td class="num">2.00</td><td class="wide num">0</td><td class="wide num">100 ms</td><td class="num">982 ms</td>`) {
		t.Errorf("100 tries in 10 s, 20 of them failed:\n%s", body)
	}
	if _, body := b.get(t, "backends?only=warning"); !strings.Contains(body, "shop/web:80") {
		t.Error("a backend that fails is not among them")
	}
	if rates, over := b.rates.rates(); over != 10*time.Second || rates[serviceName{"shop", "web"}].Requests != 10 {
		t.Errorf("asking soon again gives %v over %v", rates, over)
	}
	b.now = b.now.Add(time.Hour)
	b.traffic = tries(0, 0, 1, 0) // the Service was gone in between
	if rates, _ := b.rates.rates(); rates[serviceName{"shop", "web"}].Known {
		t.Error("counts that began anew make a rate")
	}
}

func TestQuantiles(t *testing.T) {
	bounds := func(counts ...float64) (took []gatelodge.Took) {
		for i, bound := range []float64{0.01, 0.1, 1, math.Inf(1)} {
			took = append(took, gatelodge.Took{Seconds: bound, Tries: counts[i]})
		}
		return took
	}
	for _, c := range []struct {
		took []gatelodge.Took
		q    float64
		want time.Duration
	}{
		{nil, 0.5, 0},
		{bounds(0, 0, 0, 0), 0.5, 0},
		{bounds(10, 10, 10, 10), 0.5, 5 * time.Millisecond},
		{bounds(0, 10, 10, 10), 0.5, 55 * time.Millisecond},
		{bounds(5, 5, 10, 10), 0.99, 982 * time.Millisecond},
		{bounds(0, 0, 0, 10), 0.5, time.Second},
	} {
		if got := quantile(c.took, c.q).Round(time.Millisecond); got != c.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", c.took, c.q, got, c.want)
		}
	}
}
