package gatelodge_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"reflect"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

func TestChallengesAreReadAsTheyWereWritten(t *testing.T) {
	client := acme.Client{Key: newKey(t)}
	pair, err := client.TLSALPN01ChallengeCert("token", "a.example.com")
	if err != nil {
		t.Fatal(err)
	}
	want := []gatelodge.Challenge{
		{Type: gatelodge.DNS01, Name: "a.example.com", Token: "t1", Response: "text"},
		{Type: gatelodge.HTTP01, Name: "b.example.com", Token: "t2", Response: "t2.thumbprint"},
		{Type: gatelodge.TLSALPN01, Name: "a.example.com", Token: "t3", Certificate: &pair},
	}
	parts, err := gatelodge.EncodeChallenges(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := gatelodge.DecodeChallenges(parts)
	if err != nil || len(got) != len(want) {
		t.Fatalf("read %v, %v", got, err)
	}
	shown := got[2].Certificate
	if shown == nil || !bytes.Equal(shown.Certificate[0], pair.Certificate[0]) || !reflect.DeepEqual(shown.PrivateKey, pair.PrivateKey) {
		t.Error("the certificate of the handshake is another")
	}
	got[2].Certificate = want[2].Certificate
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestIssuanceIsReadAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, want := range []*gatelodge.StoredIssuance{
		{Name: "*.example.com", Chain: []byte("chain"), Key: []byte("key")},
		{Name: "a.example.com", Order: []byte("order"), Failure: &gatelodge.Failure{Message: "no", At: at, RetryAt: at.Add(time.Hour), Attempts: 3}},
		{Name: "a.example.com", Second: true, Chain: []byte("chain"), Key: []byte("key"), Failure: &gatelodge.Failure{Message: "no", At: at, Profile: "shortlived"}},
		{Failure: &gatelodge.Failure{Message: "the CA is down", At: at}},
	} {
		parts, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := gatelodge.DecodeIssuance(parts); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v %v, want %+v", got, err, want)
		}
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
