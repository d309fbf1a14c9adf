//go:build debian

package dns_test

import (
	"strings"
	"testing"
)

// TestProbesByDig are those of RFC 8906 §8, in its words and with the tool that
// it is written for.
func TestProbesByDig(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	const ednsReply = "; EDNS: version: 0"
	for _, probe := range []struct {
		section string
		args    string
		want    []string // in what dig prints
		not     []string
	}{
		{"8.1.1 known type", "+noedns +noad +norec soa", []string{"status: NOERROR", "flags: qr aa;", "IN\tSOA\t"}, []string{ednsReply}},
		{"8.1.2 unknown type", "+noedns +noad +norec type1000", []string{"status: NOERROR", "flags: qr aa;", "ANSWER: 0"}, []string{ednsReply}},
		{"8.1.3.1 CD", "+noedns +noad +norec +cd soa", []string{"status: NOERROR", "IN\tSOA\t"}, []string{ednsReply}},
		{"8.1.3.1 AD", "+noedns +norec +ad soa", []string{"status: NOERROR", "flags: qr aa;", "IN\tSOA\t"}, []string{ednsReply}},
		{"8.1.3.2 reserved bit", "+noedns +noad +norec +zflag soa", []string{"status: NOERROR", "flags: qr aa;", "IN\tSOA\t"}, []string{"MBZ", ednsReply}},
		{"8.1.3.3 recursion desired", "+noedns +noad +rec soa", []string{"status: NOERROR", "flags: qr aa rd;", "IN\tSOA\t"}, []string{ednsReply}},
		{"8.1.4 unknown opcode", "+noedns +noad +opcode=15 +norec +header-only", []string{"status: NOTIMP", "opcode: RESERVED15"}, []string{"IN\tSOA\t", ednsReply}},
		{"8.1.5 TCP", "+noedns +noad +norec +tcp soa", []string{"status: NOERROR", "flags: qr aa;", "IN\tSOA\t"}, []string{ednsReply}},
		{"8.2.1 EDNS", "+nocookie +edns=0 +noad +norec soa", []string{"status: NOERROR", "IN\tSOA\t", ednsReply}, nil},
		{"8.2.2 EDNS version 1", "+nocookie +edns=1 +noednsneg +noad +norec soa", []string{"status: BADVERS", ednsReply}, []string{"IN\tSOA\t"}},
		{"8.2.3 unknown option", "+nocookie +edns=0 +noad +norec +ednsopt=100 soa", []string{"status: NOERROR", "IN\tSOA\t", ednsReply}, []string{"OPT=100"}},
		{"8.2.4 unknown flag", "+nocookie +edns=0 +noad +norec +ednsflags=0x40 soa", []string{"status: NOERROR", "IN\tSOA\t", ednsReply}, []string{"MBZ"}},
		{"8.2.5 version 1, unknown flag", "+nocookie +edns=1 +noednsneg +noad +norec +ednsflags=0x40 soa", []string{"status: BADVERS", ednsReply}, []string{"IN\tSOA\t", "MBZ"}},
		{"8.2.6 version 1, unknown option", "+nocookie +edns=1 +noednsneg +noad +norec +ednsopt=100 soa", []string{"status: BADVERS", ednsReply}, []string{"IN\tSOA\t", "OPT=100"}},
		{"8.2.7 truncated", "+norec +dnssec +bufsize=512 +ignore txt big.", []string{"status: NOERROR", "flags: qr aa tc;", ednsReply}, nil},
		{"8.2.8 DO", "+nocookie +edns=0 +noad +norec +dnssec soa", []string{"status: NOERROR", "IN\tSOA\t", ednsReply, "flags: do;"}, nil},
		{"8.2.9 version 1, DO", "+nocookie +edns=1 +noednsneg +noad +norec +dnssec soa", []string{"status: BADVERS", ednsReply}, []string{"IN\tSOA\t"}},
		{"8.2.10 defined options", "+edns=0 +noad +norec +cookie +nsid +expire +subnet=0.0.0.0/0 soa", []string{"status: NOERROR", "IN\tSOA\t", ednsReply, "(good)"}, nil},
	} {
		t.Run(probe.section, func(t *testing.T) {
			name := zone
			args := strings.Fields(probe.args)
			if last := args[len(args)-1]; strings.HasSuffix(last, ".") {
				name, args = last+zone, args[:len(args)-1]
			}
			out, err := output(t, "dig", append(append([]string{"+tries=1", "+time=30", "@" + g.address.String()}, args...), name)...)
			if err != nil {
				t.Fatalf("dig: %v\n%s", err, out)
			}
			for _, want := range probe.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for _, not := range probe.not {
				if strings.Contains(out, not) {
					t.Errorf("%q in\n%s", not, out)
				}
			}
		})
	}
}

// countLines counts the lines that hold a text.
func countLines(text, part string) (n int) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}
