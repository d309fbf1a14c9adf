package tls

import (
	"fmt"
	"testing"
	"time"

	"gatelodge.dev"
)

// TestSelfSignedIsKept: a host is shown one certificate until it expires.
func TestSelfSignedIsKept(t *testing.T) {
	now := time.Now()
	s := newSelfSigned()
	s.now = func() time.Time { return now }
	first, made, err := s.certificate("shop.example.com")
	if err != nil || !made {
		t.Fatalf("made %t, %v", made, err)
	}
	if again, made, _ := s.certificate("shop.example.com"); made || again != first {
		t.Error("the second handshake made another one")
	}
	now = now.Add(selfSignedLifetime + time.Second)
	next, made, err := s.certificate("shop.example.com")
	if err != nil || !made {
		t.Fatalf("after it expired: made %t, %v", made, err)
	}
	if !now.Before(next.Leaf.NotAfter) || now.Before(next.Leaf.NotBefore) {
		t.Errorf("at %s its successor is valid from %s until %s", now, next.Leaf.NotBefore, next.Leaf.NotAfter)
	}
}

// TestSelfSignedIsLimited: the least recently used certificates are dropped.
func TestSelfSignedIsLimited(t *testing.T) {
	s := newSelfSigned()
	name := func(i int) gatelodge.Name { return gatelodge.Name(fmt.Sprintf("h%d.example.com", i)) }
	for i := range maxSelfSigned {
		s.certificate(name(i))
	}
	s.certificate(name(0)) // used again, so 1 is the next to go
	s.certificate("one.more.example.com")
	if len(s.byHost) != maxSelfSigned || s.recent.Len() != maxSelfSigned {
		t.Errorf("%d and %d are kept, want %d", len(s.byHost), s.recent.Len(), maxSelfSigned)
	}
	if _, made, _ := s.certificate(name(0)); made {
		t.Error("the most recently used one was dropped")
	}
	if _, made, _ := s.certificate(name(1)); !made {
		t.Error("the least recently used one was kept")
	}
}
