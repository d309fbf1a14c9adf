package issuer

import (
	"testing"
	"time"

	"gatelodge.dev"
)

// TestRenewalIsAtTwoThirds: a certificate is renewed after two thirds of its
// lifetime, and not all at once.
func TestRenewalIsAtTwoThirds(t *testing.T) {
	issued := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for _, lifetime := range []time.Duration{90 * 24 * time.Hour, 45 * 24 * time.Hour, 6 * 24 * time.Hour, time.Minute} {
		seen := make(map[time.Time]bool)
		for _, fingerprint := range []string{"a", "b", "c", "d"} {
			c := &gatelodge.Certificate{NotBefore: issued, NotAfter: issued.Add(lifetime), Fingerprint: fingerprint}
			at := RenewAt(c, nil)
			if at != RenewAt(c, nil) {
				t.Error("two leaders would renew at different times")
			}
			if share := float64(at.Sub(issued)) / float64(lifetime); share < 2./3-1./20 || share > 2./3 {
				t.Errorf("a certificate of %v is renewed after %.3f of it", lifetime, share)
			}
			seen[at] = true
		}
		if len(seen) < 2 {
			t.Errorf("certificates of %v are all renewed at once", lifetime)
		}
	}
}

func TestDueTime(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	fresh := &gatelodge.Certificate{NotBefore: now, NotAfter: now.Add(90 * 24 * time.Hour)}
	old := &gatelodge.Certificate{NotBefore: now.Add(-80 * 24 * time.Hour), NotAfter: now.Add(10 * 24 * time.Hour)}
	flawed := &gatelodge.Certificate{NotBefore: fresh.NotBefore, NotAfter: fresh.NotAfter, Flaw: &gatelodge.Flaw{}}
	someone, byDNS := []gatelodge.Object{{Name: "web"}}, []gatelodge.ChallengeType{gatelodge.DNS01}
	later := now.Add(time.Hour)
	for name, c := range map[string]struct {
		issuance gatelodge.Issuance
		at       time.Time // latest; zero: never
	}{
		"a missing certificate is ordered after a moment":  {gatelodge.Issuance{Askers: someone, Challenges: byDNS}, now.Add(settleTime)},
		"after a failure it waits":                         {gatelodge.Issuance{Askers: someone, Challenges: byDNS, RetryAt: later}, later},
		"a fresh one is not renewed yet":                   {gatelodge.Issuance{Askers: someone, Challenges: byDNS, Certificate: fresh}, RenewAt(fresh, nil)},
		"an old one is due":                                {gatelodge.Issuance{Askers: someone, Challenges: byDNS, Certificate: old}, RenewAt(old, nil)},
		"after a failed renewal it waits":                  {gatelodge.Issuance{Askers: someone, Challenges: byDNS, Certificate: old, RetryAt: later}, later},
		"one with a flaw is due at once":                   {gatelodge.Issuance{Askers: someone, Challenges: byDNS, Certificate: flawed, RetryAt: now}, now},
		"without a type of challenge it is never ordered":  {gatelodge.Issuance{Askers: someone}, time.Time{}},
		"one that isn't requested stays until its renewal": {gatelodge.Issuance{Challenges: byDNS, Certificate: fresh}, RenewAt(fresh, nil)},
	} {
		at, ever := dueTime(&c.issuance, now)
		if ever == c.at.IsZero() || ever && !at.Equal(c.at) {
			t.Errorf("%s: due %v %v, want %v", name, at, ever, c.at)
		}
	}
}

// TestBackOff: the waits grow up to a limit, and vary at random.
func TestBackOff(t *testing.T) {
	now := time.Now()
	for failures, want := range []time.Duration{1: time.Minute, 2: 4 * time.Minute, 3: 16 * time.Minute, 4: 64 * time.Minute, 6: nameMost, 1000: nameMost} {
		if want == 0 {
			continue
		}
		for range 100 {
			if got := nameBackOff(failures, nil, now); got < want*9/10 || got > want*11/10+1 {
				t.Fatalf("after %d failures it waits %v, want about %v", failures, got, want)
			}
		}
	}
	ending := &gatelodge.Certificate{NotAfter: now.Add(time.Hour)}
	if got := nameBackOff(10, ending, now); got != 15*time.Minute {
		t.Errorf("with a certificate that ends in an hour it waits %v, want a quarter of that", got)
	}
	for lifetime, want := range map[time.Duration]time.Duration{2 * time.Minute: time.Minute, 24 * time.Hour: 72 * time.Minute} {
		expired := &gatelodge.Certificate{NotBefore: now.Add(-lifetime), NotAfter: now}
		if got := nameBackOff(30, expired, now); got != want {
			t.Errorf("after a certificate of %v has expired it waits %v, want %v", lifetime, got, want)
		}
	}
}
