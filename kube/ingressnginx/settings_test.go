package ingressnginx

import (
	"os"
	"strings"
	"testing"
)

// TestEverySettingHasOneVerdict: testdata lists the keys and flags of ingress-nginx
// 1.15, by the sources that keys and flags name.
func TestEverySettingHasOneVerdict(t *testing.T) {
	for file, list := range map[string][]setting{"testdata/keys115.txt": keys(), "testdata/flags115.txt": flags()} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		counts := make(map[string]int)
		for _, s := range list {
			counts[s.name]++
			if s.convert == nil && s.why == "" || s.convert != nil && (s.why != "" || s.needless) {
				t.Errorf("%s: it either has a counterpart or a reason why it has none", s.name)
			}
			if counts[s.name] == 2 {
				t.Errorf("%s has two verdicts", s.name)
			}
		}
		for _, name := range strings.Fields(string(text)) {
			if counts[name] == 0 {
				t.Errorf("%s of ingress-nginx 1.15, in %s, has no verdict", name, file)
			}
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "512": 512, "8k": 8 << 10, "1m": 1 << 20, "2G": 2 << 30, "": -1, "m": -1, "-1": -1, "1t": -1, "9999999999g": -1} {
		got, err := parseSize(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
