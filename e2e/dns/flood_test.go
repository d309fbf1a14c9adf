//go:build debian

package dns_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/e2e/undertest"
	"github.com/miekg/dns"
)

// room is how much memory an attack may take, in addition to what the gateway had.
const room = 64 << 20

// TestRandomSubdomains: a flood of names that do not exist, as from a botnet
// behind many resolvers, takes no memory, and others are answered meanwhile.
func TestRandomSubdomains(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	random := rand.New(rand.NewPCG(1, 1))
	var names strings.Builder
	for range 200_000 {
		fmt.Fprintf(&names, "x%x.%s A\n", random.Uint64(), zone)
	}
	file := filepath.Join(t.TempDir(), "names")
	undertest.WriteFile(t, file, names.String())

	before := g.Memory("VmRSS")
	var report string
	attack := during(func() {
		report, _ = output(t, "dnsperf", "-s", g.address.String(), "-d", file, "-n", "1", "-Q", "40000", "-c", "50", "-q", "1000")
	})
	asked := othersAreAnswered(t, g, attack, "udp", "tcp")
	checkMemory(t, g, before)
	match := regexp.MustCompile(`Response codes: +NXDOMAIN (\d+)`).FindStringSubmatch(report)
	if match == nil {
		t.Fatalf("dnsperf saw no NXDOMAIN:\n%s", report)
	}
	if n, _ := strconv.Atoi(match[1]); n < 100_000 {
		t.Errorf("no flood, only %d names were answered:\n%s", n, report)
	}
	t.Logf("%s queries for names that do not exist, %d for one that does", match[1], asked)
}

// TestAmplification: queries with the source address of a victim make the gateway
// send it no more full replies than the limit allows, and otherwise small ones that
// are no longer than the queries.
func TestAmplification(t *testing.T) {
	const rate = 50
	g := startGateway(t, gatewayAddress, fmt.Sprintf("  rateLimit: {responsesPerSecond: %d}\n", rate))

	query := new(dns.Msg)
	query.SetQuestion("fits."+zone, dns.TypeTXT)
	query.SetEdns0(4096, true)
	packet, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	// A spoofed query's reply goes to the victim, whose part is played by a
	// socket at each address of a network.
	var victims []*net.UDPConn
	for i := range 20 {
		victim := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 99, byte(i + 1)}), 0)
		conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(victim), net.UDPAddrFromAddrPort(netip.AddrPortFrom(g.address, 53)))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		victims = append(victims, conn)
	}
	const queries = 20_000
	began := time.Now()
	attack := during(func() {
		for i := range queries {
			victims[i%len(victims)].Write(packet) // lost where the gateway's buffer is full, as on any network
		}
	})
	othersAreAnswered(t, g, attack, "tcp")

	var full, octets int
	for _, victim := range victims {
		full, octets = receive(victim, full, octets)
	}
	seconds := int(time.Since(began)/time.Second) + 1
	if most := rate * (seconds + 1); full == 0 || full > most {
		t.Errorf("the victim got %d whole replies in %d s, want 1 to %d", full, seconds, most)
	}
	const largest = 1232
	if most := queries*len(packet) + full*largest; octets > most {
		t.Errorf("the victim got %d octets, of %d that were sent, want at most %d", octets, queries*len(packet), most)
	}
	t.Logf("%d octets in %d queries: the victim got %d octets, %d whole replies", queries*len(packet), queries, octets, full)
}

// receive reads what has come to a victim, and adds up the replies that are
// whole, and the octets of all.
func receive(victim *net.UDPConn, full, octets int) (int, int) {
	reply := make([]byte, 65535)
	for {
		victim.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := victim.Read(reply)
		if err != nil {
			return full, octets // nothing more has come
		}
		octets += n
		if truncated := reply[2]&0x02 != 0; !truncated {
			full++
		}
	}
}

// TestTCPExhaustion: a client that opens more connections than allowed loses those
// that have been idle for longest, its own, and other clients still get one.
func TestTCPExhaustion(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	before := g.Memory("VmRSS")
	var conns []net.Conn
	defer func() { closeAll(conns) }()
	attack := during(func() {
		for range 3000 {
			conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(g.address, 53).String(), 30*time.Second)
			if err != nil {
				continue // the gateway may well refuse
			}
			conns = append(conns, conn)
		}
	})
	othersAreAnswered(t, g, attack, "tcp", "udp", "tcp-tls")
	othersAreAnswered(t, g, during(func() {}), "tcp", "udp", "tcp-tls")
	checkMemory(t, g, before)
}

// TestSlowReaders: a client that asks for much, over and over, and reads nothing of
// it is cut off, and takes no memory meanwhile.
func TestSlowReaders(t *testing.T) {
	g := startGateway(t, gatewayAddress, "")
	query := new(dns.Msg)
	query.SetQuestion("big."+zone, dns.TypeTXT)
	packet, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	packet = append([]byte{byte(len(packet) >> 8), byte(len(packet))}, packet...)

	before := g.Memory("VmRSS")
	const readers = 200
	cut := make(chan bool, readers)
	attack := during(func() {
		for range readers {
			conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(g.address, 53).String(), 30*time.Second)
			if err != nil {
				cut <- true
				continue
			}
			go func() {
				defer conn.Close()
				conn.SetWriteDeadline(time.Now().Add(2 * time.Minute))
				for {
					if _, err := conn.Write(packet); err != nil {
						timeout, ok := err.(net.Error)
						cut <- !ok || !timeout.Timeout()
						return
					}
				}
			}()
		}
	})
	othersAreAnswered(t, g, attack, "tcp", "udp")
	for range readers {
		if !<-cut {
			t.Fatal("a client that reads nothing was not cut off within two minutes")
		}
	}
	othersAreAnswered(t, g, during(func() {}), "tcp", "udp")
	checkMemory(t, g, before)
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		conn.Close()
	}
}

// during runs an attack, and closes the channel when it is over.
func during(attack func()) (over <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		attack()
	}()
	return done
}

// othersAreAnswered asks as a resolver does, three times before it gives up,
// until the attack is over and at least five times, and counts the answers.
func othersAreAnswered(t *testing.T, g *gateway, over <-chan struct{}, networks ...string) (asked int) {
	t.Helper()
	for {
		for _, network := range networks {
			if err := askAsResolver(network, g.address); err != nil {
				t.Errorf("%s: another client is not answered: %v", network, err)
			}
			asked++
		}
		select {
		case <-over:
			if asked >= 5 {
				return asked
			}
		default:
		}
	}
}

func askAsResolver(network string, server netip.Addr) (err error) {
	for range 3 {
		var reply *dns.Msg
		reply, err = ask(network, server, "app."+zone, dns.TypeA)
		if err == nil && has(reply, dns.TypeA) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("got\n%v", reply)
		}
	}
	return err
}

func checkMemory(t *testing.T, g *gateway, before int) {
	t.Helper()
	after := g.Memory("VmRSS")
	if after > before+room {
		t.Errorf("the attack took %d MiB of memory, want at most %d", (after-before)>>20, room>>20)
	}
	t.Logf("memory: %d MiB before, %d after", before>>20, after>>20)
}
