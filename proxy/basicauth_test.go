package proxy

import (
	"net/http"
	"strings"
	"testing"

	gatelodge "gatelodge.dev"
)

// hashes are of passwords by other programs: bcrypt by libxcrypt, apr1 and SHA
// by openssl, SSHA by Python.
var hashes = []struct{ user, password, hash string }{
	{"bcrypt", "anna1", "$2b$04$abcdefghijklmnopqrstuuEOA.4XyCjgRBTmJFnQeoCmhIZKAAQ46"},
	{"bcrypt-2y", "anna1", "$2y$04$abcdefghijklmnopqrstuuEOA.4XyCjgRBTmJFnQeoCmhIZKAAQ46"},
	{"apr1", "treb", "$apr1$SALTsalt$ffUVC7jDjSfy3MjY8338H."},
	{"apr1-long", "a longer password than sixteen octets", "$apr1$12345678$xg8UHVqtozZRbuTJY.tVn/"},
	{"apr1-empty", "", "$apr1$ab$S8K6Sgp3W8c9Jb6LxgywZ."},
	{"sha", "aralc", "{SHA}KskaIS4rraEu76ZnI5vSkTDt6gE="},
	{"ssha", "aralc", "{SSHA}K6AUy7CDDR0UJzz+c5wWqV/e9vpnYXRlbG9kZ2U="},
	{"bcrypt-2a", "anna1", "$2a$04$abcdefghijklmnopqrstuuEOA.4XyCjgRBTmJFnQeoCmhIZKAAQ46"},
}

func TestBasicAuth(t *testing.T) {
	users := make(map[string]gatelodge.PasswordHash)
	for _, h := range hashes {
		users[h.user] = parseHash(t, h.hash)
	}
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendHTTP, backendServer(t, gatelodge.BackendHTTP, echoFields)), func(s *gatelodge.Snapshot) {
			onlyHost(s).Routes[0].Policy = &gatelodge.Policy{BasicAuth: &gatelodge.BasicAuth{Realm: `the "shop"`, Users: users}}
		})
		client := g.client(m)
		ask := func(change func(*http.Request)) answerOf {
			r := newRequest(t, "GET", m.url(appHost, "/"), nil)
			change(r)
			return do(t, client, r)
		}
		for range 2 { // computed, then remembered
			for _, h := range hashes {
				answer := ask(func(r *http.Request) { r.SetBasicAuth(h.user, h.password) })
				if answer.StatusCode != 200 || strings.Contains(answer.body, "Authorization: ") {
					t.Errorf("%s: got %d %s", h.user, answer.StatusCode, answer.body)
				}
			}
		}
		for name, change := range map[string]func(*http.Request){
			"none":             func(*http.Request) {},
			"wrong password":   func(r *http.Request) { r.SetBasicAuth("sha", "wrong") },
			"endless password": func(r *http.Request) { r.SetBasicAuth("sha", strings.Repeat("x", 2<<10)) },
			"another's":        func(r *http.Request) { r.SetBasicAuth("sha", "treb") },
			"unknown user":     func(r *http.Request) { r.SetBasicAuth("nobody", "anna1") },
			"another scheme":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer c2hhOmFyYWxj") },
			"no base64":        func(r *http.Request) { r.Header.Set("Authorization", "Basic ???") },
			"no colon":         func(r *http.Request) { r.Header.Set("Authorization", "Basic c2hh") },
		} {
			answer := ask(change)
			if answer.StatusCode != 401 || answer.Header.Get("Www-Authenticate") != `Basic realm="the \"shop\"", charset="UTF-8"` {
				t.Errorf("%s: got %d, %q", name, answer.StatusCode, answer.Header.Get("Www-Authenticate"))
			}
		}
		// Of two, a backend might believe the one that was not checked.
		twice := ask(func(r *http.Request) {
			r.SetBasicAuth("sha", "aralc")
			r.Header.Add("Authorization", "Basic cm9vdDpyb290")
		})
		if twice.StatusCode != 400 {
			t.Errorf("two Authorization fields: got %d, want 400", twice.StatusCode)
		}
	})
}

// TestCredentialsMemory: what was right is remembered, what was wrong is not,
// and the memory has an end.
func TestCredentialsMemory(t *testing.T) {
	c := newCredentials()
	by := asker{ctx: t.Context()}
	hash := parseHash(t, hashes[0].hash)
	if right, err := c.check(by, "wrong", hash); right || err != nil || len(c.recent) != 0 {
		t.Fatalf("got %v, %v, remembers %d", right, err, len(c.recent))
	}
	if right, err := c.check(by, hashes[0].password, hash); !right || err != nil || len(c.recent) != 1 {
		t.Fatalf("got %v, %v, remembers %d", right, err, len(c.recent))
	}
	for i := range 3 * verifiedMost {
		c.remember([32]byte{1, byte(i), byte(i >> 8), byte(i >> 16)})
	}
	if n := len(c.recent) + len(c.older); n > 2*verifiedMost {
		t.Errorf("remembers %d", n)
	}
}

func parseHash(t *testing.T, text string) gatelodge.PasswordHash {
	t.Helper()
	hash, err := gatelodge.ParsePasswordHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}
