package tls

import (
	"fmt"
	"testing"
	"time"

	"gatelodge.dev"
)

// TestSelfMadeIsKept: a host is shown one certificate until it runs out.
func TestSelfMadeIsKept(t *testing.T) {
	now := time.Now()
	s := newSelfMade()
	s.now = func() time.Time { return now }
	first, made, err := s.certificate("shop.example.com")
	if err != nil || !made {
		t.Fatalf("made %t, %v", made, err)
	}
	if again, made, _ := s.certificate("shop.example.com"); made || again != first {
		t.Error("a second one was made at once")
	}
	now = now.Add(selfMadeLifetime + time.Second)
	next, made, err := s.certificate("shop.example.com")
	if err != nil || !made {
		t.Fatalf("when it ran out: made %t, %v", made, err)
	}
	if !now.Before(next.Leaf.NotAfter) || now.Before(next.Leaf.NotBefore) {
		t.Errorf("at %s its successor is valid from %s until %s", now, next.Leaf.NotBefore, next.Leaf.NotAfter)
	}
}

// TestSelfMadeIsBounded: the hosts asked for longest ago are forgotten.
func TestSelfMadeIsBounded(t *testing.T) {
	s := newSelfMade()
	name := func(i int) gatelodge.Name { return gatelodge.Name(fmt.Sprintf("h%d.example.com", i)) }
	for i := range selfMadeCertificates {
		s.certificate(name(i))
	}
	s.certificate(name(0)) // asked for again, so the next to go is 1
	s.certificate("one.more.example.com")
	if len(s.byHost) != selfMadeCertificates || s.recent.Len() != selfMadeCertificates {
		t.Errorf("%d and %d are kept, want %d", len(s.byHost), s.recent.Len(), selfMadeCertificates)
	}
	if _, made, _ := s.certificate(name(0)); made {
		t.Error("the one asked for last was forgotten")
	}
	if _, made, _ := s.certificate(name(1)); !made {
		t.Error("the one asked for longest ago was kept")
	}
}
