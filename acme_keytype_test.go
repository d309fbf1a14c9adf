package gatelodge_test

import (
	"testing"

	"gatelodge.dev"
)

// TestKeyTypesAreReadAsTheyWereWritten also checks that a pair of types between
// which clients could not choose is rejected.
func TestKeyTypesAreReadAsTheyWereWritten(t *testing.T) {
	for _, text := range []string{"ecdsa-p256", "rsa-4096", "ecdsa-p384,rsa-2048", "rsa-3072,ecdsa-p256"} {
		if types, err := gatelodge.ParseKeyTypes(text); err != nil || types.String() != text {
			t.Errorf("%s is read as %q, %v", text, types, err)
		}
	}
	if types, err := gatelodge.ParseKeyTypes("ecdsa-p256, rsa-2048"); err != nil || types != (gatelodge.KeyTypes{gatelodge.ECDSAP256, gatelodge.RSA2048}) {
		t.Errorf("with a space it is read as %q, %v", types, err)
	}
	for _, text := range []string{"", "dsa", "rsa-2048,", ",rsa-2048", "ecdsa-p256,ecdsa-p384", "rsa-2048,rsa-2048", "ecdsa-p256,rsa-2048,rsa-4096"} {
		if types, err := gatelodge.ParseKeyTypes(text); err == nil || types != (gatelodge.KeyTypes{}) {
			t.Errorf("%q is accepted as %q", text, types)
		}
	}
}
