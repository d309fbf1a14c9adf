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

// Backend starts the backend of all cases, and returns its address.
func Backend(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		w.Header().Set("Content-Type", "text/plain")
		for word := range strings.FieldsSeq(r.Header.Get("Give")) {
			if name, value, found := strings.Cut(word, "="); found {
				w.Header().Set(name, value)
			} else if code, err := strconv.Atoi(word); err == nil {
				status = code
			}
		}
		text := backendMark + r.RequestURI + "\nhost: " + r.Host + "\n"
		for name, values := range r.Header {
			for _, value := range values {
				text += strings.ToLower(name) + ": " + value + "\n"
			}
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
