package syntax

import (
	"strings"
	"testing"
)

const aSecret = "MDEyMzQ1Njc4OWFiY2RlZi8//w=="

// TestTransferKeys: what tsig-keygen prints is read, and what is wrong is said
// without the secret.
func TestTransferKeys(t *testing.T) {
	text := "# of the company\nkey \"Transfer.Example.\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + aSecret + "\";\n};\n" +
		"key second { secret \"" + aSecret + "\"; algorithm HMAC-SHA512; }; // for the new servers\n"
	keys, err := ParseTransferKeys(text)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v, %v", keys, err)
	}
	if k := keys[0]; k.Name != "transfer.example" || k.Algorithm != "hmac-sha256" || string(k.Secret[:16]) != "0123456789abcdef" || len(k.Secret) != 19 {
		t.Errorf("%v", k)
	}
	if k := keys[1]; k.Name != "second" || k.Algorithm != "hmac-sha512" || strings.Contains(k.String(), "0123") {
		t.Errorf("%v", k)
	}
	for _, bad := range []string{
		"", "secret", aSecret, "key", "key x", "key x {", `key "x" { algorithm hmac-sha256; secret "` + aSecret + `"; }`,
		`key "*.x" { algorithm hmac-sha256; secret "` + aSecret + `"; };`,
		`key "x" { algorithm hmac-md5; secret "` + aSecret + `"; };`,
		`key "x" { algorithm hmac-sha256; secret "` + aSecret + `=="; };`,
		`key "x" { algorithm hmac-sha256; secret "MDEy"; };`,
		`key "x" { algorithm hmac-sha256; };`,
		`key "x" { algorithm hmac-sha256; secret "` + aSecret + `"; file "y"; };`,
		strings.Repeat(`key "x" { algorithm hmac-sha256; secret "`+aSecret+`"; };`, 2),
	} {
		keys, err := ParseTransferKeys(bad)
		if err == nil {
			t.Errorf("%q is read as %v", bad, keys)
		} else if strings.Contains(err.Error(), aSecret) {
			t.Errorf("%q: the error has the secret: %v", bad, err)
		}
	}
}
