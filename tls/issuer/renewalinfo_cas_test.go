package issuer

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatelodge.dev"
)

// infoCounts counts requests for renewal information by certificate.
type infoCounts struct {
	mu    sync.Mutex
	of    map[string]int
	total int
}

// countInfo counts the requests to a CA from now on, and answers them by answer, or if
// that is nil or returns false, as the CA does.
func (ca *testCA) countInfo(answer func(w http.ResponseWriter) bool) *infoCounts {
	counts := &infoCounts{of: make(map[string]int)}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.instead = func(w http.ResponseWriter, request *http.Request, step string) bool {
		if step != "info" {
			return false
		}
		counts.mu.Lock()
		defer counts.mu.Unlock()
		counts.of[request.URL.Path[len("/info/"):]]++
		counts.total++
		return answer != nil && answer(w)
	}
	return counts
}

func (c *infoCounts) all() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

func (c *infoCounts) ofOne(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[id]
}

// answerWith answers with a status, and Retry-After unless after is "".
func answerWith(status int, after string) func(w http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(status)
		return true
	}
}

// TestOneCAFailsAtRenewalInfo: while one CA fails where it is asked when to renew, by
// itself or for one certificate, it is asked seldom, and all else as usual.
func TestOneCAFailsAtRenewalInfo(t *testing.T) {
	const certificates = 30
	for name, c := range map[string]struct {
		answer      func(w http.ResponseWriter) bool
		least, most int // requests to that CA in five days
	}{
		"it is down":                 {answerWith(503, ""), 200, 270},
		"it is down until a time":    {answerWith(503, "7200"), 55, 61},
		"it is busy until a time":    {answerWith(429, "7200"), 55, 61},
		"it is down for a long time": {answerWith(503, "600000"), 5, 6},
		"it knows no certificate":    {answerWith(404, "60"), 20 * certificates, 21 * certificates},
		"it redirects in a circle":   {func(w http.ResponseWriter) bool { w.Header().Set("Location", "x"); w.WriteHeader(302); return true }, 200 * 10, 270 * 10},
	} {
		t.Run(name, func(t *testing.T) {
			twoCAs(t, func(cluster *testCluster, first, second *testCA) {
				first.renewalInfo, second.renewalInfo = true, true
				first.fails(unreachable)
				cluster.ask("shop", "of-second.test")
				time.Sleep(day)
				first.fails(nil)
				atFirst, atSecond := first.countInfo(c.answer), second.countInfo(nil)
				for n := range certificates {
					cluster.ask("shop", gatelodge.Name(fmt.Sprintf("www%d.test", n)))
				}
				time.Sleep(5 * day)
				if a, b := first.ordered(), second.ordered(); a != certificates || b != 1 {
					t.Fatalf("%d orders are placed with the first CA and %d with the second", a, b)
				}
				if n := atFirst.all(); n < c.least || n > c.most {
					t.Errorf("the CA that fails is asked %d times, want %d to %d", n, c.least, c.most)
				}
				if n := atSecond.all(); n < 19 || n > 21 {
					t.Errorf("the other CA is asked %d times in five days, want every six hours", n)
				}
			})
		})
	}
}

// TestOneCertificateFailsAtRenewalInfo: a CA that fails for one certificate is asked
// about the others as usual.
func TestOneCertificateFailsAtRenewalInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.renewalInfo, ca.window = true, &gatelodge.RenewalWindow{Start: time.Now().Add(60 * day), End: time.Now().Add(61 * day)}
		c := newTestCluster(t, ca)
		ctx := c.followed(t)
		for n := range 10 {
			c.ask("shop", gatelodge.Name(fmt.Sprintf("www%d.test", n)))
		}
		_, stop := c.lead(ctx, 0)
		defer stop()
		time.Sleep(day)
		bad := idOf(t, &gatelodge.Issuance{Certificate: c.certificate("www0.test")})
		counts := ca.countInfo(nil)
		answer := ca.instead
		ca.mu.Lock()
		ca.instead = func(w http.ResponseWriter, request *http.Request, step string) bool {
			if answer(w, request, step); request.URL.Path != "/info/"+bad {
				return false
			}
			return answerWith(500, "")(w)
		}
		ca.mu.Unlock()
		time.Sleep(5 * day)
		if n := counts.ofOne(bad); n < 19 || n > 30 {
			t.Errorf("about the certificate that the CA fails for, it is asked %d times in five days", n)
		}
		if n := counts.all() - counts.ofOne(bad); n < 9*19 || n > 9*21 {
			t.Errorf("about nine others it is asked %d times, want every six hours", n)
		}
	})
}

// TestIssuerIsUnknown: about a certificate whose issuer is not known, each CA is asked
// once, and then the one that knows it; if none does, all are asked a few times a day.
func TestIssuerIsUnknown(t *testing.T) {
	twoCAs(t, func(c *testCluster, first, second *testCA) {
		first.renewalInfo, second.renewalInfo = true, true
		private := newTestCA(t, "https://private.test")
		private.serial = 100
		known := &gatelodge.Issuance{Certificate: second.issueElsewhere(t, "known.test")}
		unknown := &gatelodge.Issuance{Certificate: private.issueElsewhere(t, "unknown.test")}
		c.mu.Lock()
		c.elsewhere = map[gatelodge.Name]*gatelodge.Issuance{"known.test": known, "unknown.test": unknown}
		c.mu.Unlock()
		window := gatelodge.RenewalWindow{Start: time.Now().Add(30 * day), End: time.Now().Add(31 * day)}
		second.mu.Lock()
		second.windows[idOf(t, known)] = window
		second.mu.Unlock()
		atFirst, atSecond := first.countInfo(nil), second.countInfo(nil)
		c.ask("shop", "known.test")
		c.ask("shop", "unknown.test")
		time.Sleep(5 * day)
		for _, n := range []struct {
			what             string
			got, least, most int
		}{
			{"the first CA about the second's certificate", atFirst.ofOne(idOf(t, known)), 1, 1},
			{"the second CA about its certificate", atSecond.ofOne(idOf(t, known)), 19, 21},
			{"the first CA about one of a private CA", atFirst.ofOne(idOf(t, unknown)), 19, 21},
			{"the second CA about one of a private CA", atSecond.ofOne(idOf(t, unknown)), 19, 21},
		} {
			if n.got < n.least || n.got > n.most {
				t.Errorf("%s is asked %d times in five days, want %d to %d", n.what, n.got, n.least, n.most)
			}
		}
		time.Sleep(time.Until(window.Start))
		before := first.ordered()
		time.Sleep(time.Until(window.End))
		if before != 0 || first.ordered() != 1 {
			t.Errorf("%d orders are placed before the window that the second CA names, and %d in it; want 1 in it", before, first.ordered()-before)
		}
	})
}

// TestNewLeaderAsksForWindows: a leader asks as soon as it knows what there is.
func TestNewLeaderAsksForWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.renewalInfo = true
		c := newTestCluster(t, ca)
		ctx := c.followed(t)
		c.ask("shop", "www.test")
		_, stop := c.lead(ctx, 0)
		time.Sleep(day)
		stop()
		counts := ca.countInfo(nil)
		_, stop = c.lead(ctx, 1)
		defer stop()
		time.Sleep(settleTime + time.Second)
		if n := counts.all(); n != 1 {
			t.Errorf("the new leader has asked %d times", n)
		}
	})
}

// TestWindowOfCenturies: a window that is longer than the certificate's lifetime does
// not have it renewed again and again.
func TestWindowOfCenturies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newTestCA(t, "https://ca.test")
		ca.renewalInfo, ca.window = true, &gatelodge.RenewalWindow{Start: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
		c := newTestCluster(t, ca)
		ctx := c.followed(t)
		c.ask("shop", "www.test")
		_, stop := c.lead(ctx, 0)
		defer stop()
		time.Sleep(100 * day)
		// 43 days are to be expected between two, 85 at most.
		if n := ca.ordered(); n < 2 || n > 25 {
			t.Errorf("%d orders in 100 days", n)
		}
	})
}
