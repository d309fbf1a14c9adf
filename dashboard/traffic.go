package dashboard

import (
	"math"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// sampler computes rates from counts. It takes a sample when a page is requested and
// the last sample is old enough: without readers it costs nothing, and the first reader
// gets the averages since the last one.
type sampler struct {
	source func() []gatelodge.Traffic
	now    func() time.Time

	mu           sync.Mutex
	before, last sample
}

// sample contains the counts at one time.
type sample struct {
	at   time.Time
	data map[serviceName]gatelodge.Traffic
}

type serviceName struct{ namespace, service string }

// sampleEvery is the shortest period of a rate.
const sampleEvery = 4 * time.Second

// rate contains the rates of a Service's endpoints.
type rate struct {
	Known              bool
	Total              float64       // tries since the start of the process
	Requests           float64       // tries a second
	Retries, Failures  float64       // a second
	Median, Percentile time.Duration // the 50th and the 99th percentile; 0: there was no try
}

// rates returns the rates of all Services, and their period; 0: not known yet.
func (s *sampler) rates() (rates map[serviceName]rate, over time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.Sub(s.last.at) >= sampleEvery {
		s.before, s.last = s.last, sample{at: now, data: make(map[serviceName]gatelodge.Traffic)}
		for _, t := range s.source() {
			s.last.data[serviceName{t.Namespace, t.Service}] = t
		}
	}
	rates = make(map[serviceName]rate, len(s.last.data))
	if !s.before.at.IsZero() {
		over = s.last.at.Sub(s.before.at)
	}
	for name, t := range s.last.data {
		r := rate{Total: t.Requests}
		if b, known := s.before.data[name]; known && b.Requests <= t.Requests {
			r = rateOf(b, t, over)
		}
		rates[name] = r
	}
	return rates, over
}

func rateOf(before, now gatelodge.Traffic, over time.Duration) rate {
	second := func(before, now float64) float64 { return max(0, now-before) / over.Seconds() }
	took := make([]gatelodge.Took, len(now.Took))
	for i, bucket := range now.Took {
		if i < len(before.Took) {
			bucket.Tries -= before.Took[i].Tries
		}
		took[i] = bucket
	}
	return rate{
		Known: true, Total: now.Requests,
		Requests: second(before.Requests, now.Requests),
		Retries:  second(before.Retries, now.Retries),
		Failures: second(before.Failures, now.Failures),
		Median:   quantile(took, 0.5), Percentile: quantile(took, 0.99),
	}
}

// quantile estimates a quantile like Prometheus: values are evenly spread within a
// bucket. It returns the highest finite bound if that is exceeded, and 0 without tries.
func quantile(took []gatelodge.Took, q float64) time.Duration {
	if len(took) == 0 || took[len(took)-1].Tries == 0 {
		return 0
	}
	rank := q * took[len(took)-1].Tries
	var low, below float64
	for _, bucket := range took {
		if math.IsInf(bucket.Seconds, 1) {
			break
		}
		if bucket.Tries >= rank && bucket.Tries > below {
			at := low + (bucket.Seconds-low)*(rank-below)/(bucket.Tries-below)
			return time.Duration(at * float64(time.Second))
		}
		low, below = bucket.Seconds, bucket.Tries
	}
	return time.Duration(low * float64(time.Second))
}
