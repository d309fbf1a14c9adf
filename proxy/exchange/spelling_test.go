package exchange

import (
	"strings"
	"testing"
)

func TestAppendName(t *testing.T) {
	for _, written := range []string{
		"A-IM", "CDN-Loop", "Content-MD5", "Content-Type", "DNT", "ETag", "SOAPAction", "Sec-CH-UA-Mobile", "Sec-WebSocket-Key", "TE",
		"WWW-Authenticate", "X", "X-Forwarded-For", "X-Real-IP", "X-Request-ID", "Ssl-Client-Cert",
	} {
		if got := string(AppendName(nil, strings.ToLower(written), 0)); got != written {
			t.Errorf("%s is written %s", written, got)
		}
	}
	for _, written := range []string{"x", "X", "eTaG", "content-TYPE", "a-b_c!", strings.Repeat("x", 62) + "Y"} {
		var s Spelling
		lower := strings.ToLower(written)
		for i := range len(written) {
			s = s.With(i, (written[i]^lower[i])>>5)
		}
		if got := string(AppendName([]byte("before "), lower, s.Of(len(written)))); got != "before "+written {
			t.Errorf("%s is written %s", written, got)
		}
	}
}
