package sidebyside

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// backendMark is how a body of the backend begins. The target and the fields that it
// got follow, a line for each.
const backendMark = "backend "

// Backend starts the backend of all cases, and returns its address. Below /auth it is
// the service that auth-url asks, which answers as the field Auth says, and gives the
// fields that it got back as Q-NAME.
func Backend(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := backendMark + r.RequestURI + "\nmethod: " + r.Method + "\nhost: " + r.Host + "\n"
		for name, values := range r.Header {
			for _, value := range values {
				text += strings.ToLower(name) + ": " + value + "\n"
			}
		}
		answer := r.Header.Get("Give")
		if strings.HasPrefix(r.URL.Path, "/auth") {
			answer = r.Header.Get("Auth")
			for line := range strings.Lines(text[len(backendMark+r.RequestURI+"\n"):]) {
				name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
				w.Header().Set("Q-"+name, value)
			}
			w.Header().Set("Q-Target", r.RequestURI)
		}
		give(w, answer)
		io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// give begins an answer with the status and the fields among the words.
func give(w http.ResponseWriter, words string) {
	status := http.StatusOK
	for word := range strings.FieldsSeq(words) {
		if name, value, found := strings.Cut(word, "="); found {
			w.Header().Add(name, value)
		} else if code, err := strconv.Atoi(word); err == nil {
			status = code
		}
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/plain")
	}
	w.WriteHeader(status)
}
