package gatelodge_test

import (
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

func TestParsePasswordHash(t *testing.T) {
	const bcrypt53 = "abcdefghijklmnopqrstuuEOA.4XyCjgRBTmJFnQeoCmhIZKAAQ46"
	for _, c := range []struct {
		text string
		form gatelodge.PasswordForm
		err  string
	}{
		{text: "$2a$04$" + bcrypt53, form: gatelodge.Bcrypt},
		{text: "$2b$04$" + bcrypt53, form: gatelodge.Bcrypt},
		{text: "$2y$14$" + bcrypt53, form: gatelodge.Bcrypt},
		{text: "$2y$15$" + bcrypt53, err: "is hashed with bcrypt of cost 15, the most is 14"},
		{text: "$2y$05$short", err: "is not a complete bcrypt hash"},
		{text: "$2y$5$" + bcrypt53 + "x", err: "is not a complete bcrypt hash"},
		{text: "$2y$05$" + bcrypt53[1:] + "!", err: "is not a complete bcrypt hash"},
		{text: "$apr1$SALTsalt$ffUVC7jDjSfy3MjY8338H.", form: gatelodge.APR1},
		{text: "$apr1$$ffUVC7jDjSfy3MjY8338H.", err: "is not a complete apr1 hash"},
		{text: "{SHA}KskaIS4rraEu76ZnI5vSkTDt6gE=", form: gatelodge.SHA},
		{text: "{SHA}Kska", err: "is not a complete {SHA} hash"},
		{text: "{SSHA}Yd2yYEg8FAkOzbjcFN5GBIhvLSFzYWx0", form: gatelodge.SSHA},
		{text: "{SSHA}KskaIS4rraEu76ZnI5vSkTDt6gE=", err: "is not a complete {SSHA} hash"},
		{text: "$6$salt$sum", err: "is hashed with SHA-512-crypt, which is not read here, write bcrypt (htpasswd -B), apr1, {SSHA} or {SHA}"},
		{text: "$5$salt$sum", err: "is hashed with SHA-256-crypt, which is not read here, write bcrypt (htpasswd -B), apr1, {SSHA} or {SHA}"},
		{text: "secret", err: "is not a hash that is read here, write bcrypt (htpasswd -B), apr1, {SSHA} or {SHA}"},
		{text: "", err: "is not a hash that is read here, write bcrypt (htpasswd -B), apr1, {SSHA} or {SHA}"},
	} {
		hash, err := gatelodge.ParsePasswordHash(c.text)
		told := ""
		if err != nil {
			told = err.Error()
		}
		if hash.Form != c.form || told != c.err {
			t.Errorf("%q: got form %d, %q; want %d, %q", c.text, hash.Form, told, c.form, c.err)
		}
	}
}

// FuzzPasswordHash: a hash is accepted or rejected, and no error contains it.
func FuzzPasswordHash(f *testing.F) {
	f.Add("$apr1$abcdefgh$0123456789012345678901")
	f.Add("{SSHA}====")
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := gatelodge.ParsePasswordHash(text)
		if (err == nil) != (hash.Form != 0) {
			t.Fatalf("%q: %d, %v", text, hash.Form, err)
		}
		if err != nil && len(text) > 12 && strings.Contains(err.Error(), text) {
			t.Fatalf("%q is told: %v", text, err)
		}
	})
}
