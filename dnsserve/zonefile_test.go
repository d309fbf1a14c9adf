package dnsserve

import (
	"slices"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

func TestParseRecords(t *testing.T) {
	const text = `; a comment
kafka   IN CNAME kafka.example.net.
@       300 MX 10 mail
*.w     TXT ( "one"
              "two" ) ; over two lines
WWW.pke.example.com. A 192.0.2.1
        AAAA 2001:db8::1
$ORIGIN sub
a       TYPE65280 \# 1 ff
`
	records, err := ParseRecords(text, "pke.example.com", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, r.String())
	}
	want := []string{
		"kafka.pke.example.com. 60 IN CNAME kafka.example.net.",
		"pke.example.com. 300 IN MX 10 mail.pke.example.com.",
		`*.w.pke.example.com. 60 IN TXT "one" "two"`,
		"www.pke.example.com. 60 IN A 192.0.2.1",
		"www.pke.example.com. 60 IN AAAA 2001:db8::1",
		`a.sub.pke.example.com. 60 IN TYPE65280 \# 1 ff`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if records[0].TTL != time.Minute || records[0].Name != gatelodge.Name("kafka.pke.example.com") {
		t.Errorf("record %+v", records[0])
	}
}

// TestParseRecordsRefuses what can't be served as it is meant, and tells where
// it stands.
func TestParseRecordsRefuses(t *testing.T) {
	const good = "www A 192.0.2.1\n"
	for _, test := range []struct {
		name string
		text string
		want []string
	}{
		{"an address that is none", "www A 192.0.2.256", []string{"line 2", "192.0.2.256"}},
		{"no data", "mail A", []string{"line 2"}},
		{"an unknown type", "www NONESUCH data", []string{"line 2", "NONESUCH"}},
		{"an SOA record", "@ SOA ns1 hostmaster 1 2 3 4 5", []string{"line 2", "SOA"}},
		{"a name elsewhere", "www.elsewhere. A 192.0.2.1", []string{"line 2", "www.elsewhere", "outside", "example.com"}},
		{"a name that is none", "-www A 192.0.2.1", []string{"line 2", "-www"}},
		{"another class", "www CH A 192.0.2.1", []string{"line 2"}},
		{"$INCLUDE", "$INCLUDE /etc/passwd", []string{"line 2", "$INCLUDE"}},
		{"$GENERATE", "  $generate 1-4000000000 h$ A 192.0.2.1", []string{"line 2", "$GENERATE"}},
		{"a CNAME beside others", "www CNAME other", []string{"line 2", "CNAME", "www.example.com"}},
		{"two CNAMEs", "a CNAME b\na CNAME c", []string{"line 3", "CNAME", "a.example.com"}},
		{"two DNAMEs", "a DNAME b\na DNAME c", []string{"line 3", "DNAME", "a.example.com"}},
		{"a delegated DNAME", "a DNAME b\na NS ns.elsewhere.", []string{"line 3", "DNAME", "a.example.com"}},
		{"a name below a DNAME", "a DNAME b\nx.a A 192.0.2.1", []string{"x.a.example.com", "DNAME"}},
		{"an open parenthesis", "www TXT (\n", []string{"line"}},
	} {
		_, err := ParseRecords(good+test.text, "example.com", time.Minute)
		if err == nil {
			t.Errorf("%s is taken", test.name)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not name %q", test.name, err, want)
			}
		}
	}
}
