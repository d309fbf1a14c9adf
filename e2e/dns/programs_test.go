//go:build debian

package dns_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// run starts a program, and ends it with the test.
func run(t *testing.T, name, path string, args ...string) *process.Process {
	t.Helper()
	p := &process.Process{Name: name, Path: path, Args: args, Log: filepath.Join(t.TempDir(), name+".log")}
	p.Run(t)
	return p
}

// unconfined returns a copy of a Debian program. AppArmor profiles go by path,
// and keep those programs from the files of a test.
func unconfined(t *testing.T, path string) string {
	t.Helper()
	from, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(t.TempDir(), filepath.Base(path)), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if closeErr := to.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	return to.Name()
}

// awaitAnswers waits until a server answers for a name at all.
func awaitAnswers(t *testing.T, p *process.Process, address netip.Addr, name string) {
	t.Helper()
	undertest.Await(t, p.Name+" to answer", func() error {
		reply, err := ask("udp", address, name, dns.TypeSOA)
		if err == nil && reply.Rcode != dns.RcodeSuccess {
			err = fmt.Errorf("%s answers %s", p.Name, dns.RcodeToString[reply.Rcode])
		}
		return err
	}, p)
}

// ask sends one query, with recursion desired and without EDNS, over udp, tcp
// or tcp-tls.
func ask(network string, server netip.Addr, name string, qtype uint16) (*dns.Msg, error) {
	client := dns.Client{Net: network, Timeout: 20 * time.Second}
	port := uint16(53)
	if network == "udp" { // where what is lost is sent again
		client.Timeout = 5 * time.Second
	}
	if network == "tcp-tls" {
		port, client.TLSConfig = 853, &tls.Config{InsecureSkipVerify: true} // opportunistic privacy (RFC 7858 §4.1)
	}
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	reply, _, err := client.Exchange(m, netip.AddrPortFrom(server, port).String())
	return reply, err
}

// output runs a program to its end, and returns what it printed.
func output(t *testing.T, name string, args ...string) (text string, err error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	return string(out), err
}
