package proxy

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// TestBandwidth: what comes is whole, and not faster than allowed.
func TestBandwidth(t *testing.T) {
	everywhere(t, func(t *testing.T, m mode, p gatelodge.BackendProtocol) {
		content := strings.Repeat("0123456789abcdef", 16<<10/16)
		g := start(t, app(p, backendServer(t, p, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, content)
		})), policy(&gatelodge.Policy{Bandwidth: &gatelodge.Bandwidth{Rate: 16 << 10, After: 4 << 10}}))
		began := time.Now()
		answer := g.get(m, "/")
		if answer.StatusCode != 200 || answer.body != content {
			t.Errorf("got %d and %d bytes", answer.StatusCode, len(answer.body))
		}
		// 12 KiB at 16 KiB a second, up to twice the period ahead.
		if took := time.Since(began); took < time.Second*12/16-2*throttlePeriod {
			t.Errorf("it took only %s", took)
		}
	})
}

// paced records when bytes are written.
type paced struct {
	recorded
	began   time.Time
	written int64
	most    func(after time.Duration) int64
	t       *testing.T
}

func (p *paced) Write(b []byte) (int, error) {
	p.written += int64(len(b))
	if after := time.Since(p.began); p.written > p.most(after) {
		p.t.Fatalf("%d bytes after %s, want at most %d", p.written, after, p.most(after))
	}
	return len(b), nil
}

// TestThrottleKeepsTheRate, also after an endpoint that paused: it does not catch
// up.
func TestThrottleKeepsTheRate(t *testing.T) {
	for _, rate := range []int64{1 << 10, 100 << 10, 10 << 20} {
		for _, size := range []int{1, 700, 16 << 10} {
			inBubble(t, func(t *testing.T) {
				const free = 5000
				paused := time.Duration(0)
				to := &paced{t: t, began: time.Now()}
				to.most = func(after time.Duration) int64 {
					return free + int64((after-paused).Seconds()*float64(rate)) + 2*rate/8 + 64 // rounded
				}
				throttled := &throttle{Response: to, ctx: context.Background(), rate: rate, free: free}
				total := free + 3*rate
				for sent := int64(0); sent < total; sent += int64(size) {
					if _, err := throttled.Write(make([]byte, size)); err != nil {
						t.Fatal(err)
					}
					if sent >= total/2 && paused == 0 {
						paused = 10 * time.Second
						time.Sleep(paused)
					}
				}
				active, due := time.Since(to.began)-paused, time.Duration(float64(to.written-free)/float64(rate)*float64(time.Second))
				if active < due-throttlePeriod*2-time.Second/2 || active > due+throttlePeriod {
					t.Errorf("at %d a second in parts of %d: %d bytes took %s, want about %s", rate, size, to.written, active, due)
				}
			})
		}
	}
}

// TestThrottledClientLeaves: the sleep ends with it.
func TestThrottledClientLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		throttled := &throttle{Response: &recorded{}, ctx: ctx, rate: 1}
		cancel()
		began := time.Now()
		_, _ = throttled.Write(make([]byte, 10))
		if took := time.Since(began); took != 0 {
			t.Errorf("it slept for %s", took)
		}
	})
}
