package caa

import (
	"strings"
	"testing"
)

// TestForbidden: each line of records is judged for a name and for a wildcard, by
// the account https://ca.example/acct/1 and dns-01. What forbids is told with what it
// is about.
func TestForbidden(t *testing.T) {
	for _, test := range []struct {
		records        string // flags, tag and value, parted by "|"
		name, wildcard string // a part of why; "": it is permitted
	}{
		{"", "", ""},
		{"0 issue ca.example", "", ""},
		{"0 issue CA.example ", "", ""},
		{"0 ISSUE ca.example", "", ""},
		{"0 issue other.example|0 issue ca.example", "", ""},
		{"0 issue other.example", `add the record 0 issue "ca.example"`, `add the record 0 issue "ca.example"`},
		{"0 issue ;", "does not let", "does not let"},
		{"0 issue", "does not let", "does not let"},
		{"0 issue ca.example; not a parameter", "does not let", "does not let"},
		{"0 issue ca.example;", "", ""},
		{"0 issue ca.example; unknown=1", "", ""},
		{"0 issue ca.example; accounturi=https://ca.example/acct/1", "", ""},
		{"0 issue ca.example; accounturi=https://ca.example/acct/2", "another account", "another account"},
		{"0 issue ca.example; accounturi=https://ca.example/acct/1; accounturi=https://ca.example/acct/1", "another account", "another account"},
		{"0 issue ca.example; accounturi=https://ca.example/acct/2|0 issue ca.example; accounturi=https://ca.example/acct/1", "", ""},
		{"0 issue ca.example; validationmethods=http-01,dns-01", "", ""},
		{"0 issue ca.example; validationmethods=http-01", "add dns-01", "add dns-01"},
		{"0 issue ca.example; validationmethods=dns-0", "add dns-01", "add dns-01"},
		{"0 issuewild other.example", "", `add the record 0 issuewild "ca.example"`},
		{"0 issue ca.example|0 issuewild ;", "", "does not let"},
		{"0 issue other.example|0 issuewild ca.example", "does not let", ""},
		{"0 iodef mailto:a@example.com", "", ""},
		{"128 iodef mailto:a@example.com", "", ""},
		{"128 issue ca.example", "", ""},
		{"0 future x|0 issue ca.example", "", ""},
		{"128 future x|0 issue ca.example", "is critical", "is critical"},
		{"129 future x", "is critical", "is critical"},
		{"1 future x", "", ""},
	} {
		var records []Record
		for text := range strings.SplitSeq(test.records, "|") {
			if text == "" {
				continue
			}
			fields := append(strings.SplitN(text, " ", 3), "")
			data := []byte{map[string]byte{"0": 0, "1": 1, "128": 128, "129": 129}[fields[0]], byte(len(fields[1]))}
			record, err := parseRecord("above.example.com", []byte(string(data)+fields[1]+fields[2]))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			records = append(records, record)
		}
		for wildcard, want := range map[bool]string{false: test.name, true: test.wildcard} {
			got := Forbidden(records, Request{
				Identities: []string{"ca.example"}, Account: "https://ca.example/acct/1", Method: "dns-01", Wildcard: wildcard,
			})
			switch {
			case want == "" && got != "":
				t.Errorf("%s (wildcard %v): forbidden: %s", test.records, wildcard, got)
			case want != "" && (!strings.Contains(got, want) || !strings.Contains(got, " at above.example.com")):
				t.Errorf("%s (wildcard %v): %q, want one that contains %q and the record's owner", test.records, wildcard, got, want)
			}
		}
	}
}

func TestMalformedRecords(t *testing.T) {
	for _, data := range []string{"", "\x00", "\x00\x00value", "\x00\x09issue", "\x00\x03a bvalue", "\x00\x01\xe4"} {
		if r, err := parseRecord("example.com", []byte(data)); err == nil {
			t.Errorf("%q is read as %s", data, r)
		}
	}
}
