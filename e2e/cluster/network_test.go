//go:build debian

package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"

	"gatelodge.dev/e2e/namespace"
)

// A host is a machine of the test network: a network namespace with one
// interface on the LAN.
type host struct {
	name    string
	address netip.Addr
	pods    netip.Prefix // of a node
}

// The machines of the LAN; doc.go shows them. The range is set aside for tests
// of network devices (RFC 2544 appendix C.2.2).
var (
	control = host{address: netip.MustParseAddr("198.18.0.10")} // the namespace of the tests
	router  = host{name: "r1", address: netip.MustParseAddr("198.18.0.1")}
	node1   = host{name: "node1", address: netip.MustParseAddr("198.18.0.11"), pods: netip.MustParsePrefix("10.244.1.0/24")}
	node2   = host{name: "node2", address: netip.MustParseAddr("198.18.0.12"), pods: netip.MustParsePrefix("10.244.2.0/24")}
	corp    = host{name: "corp", address: netip.MustParseAddr("198.18.0.53")}
	client  = host{name: "c1", address: netip.MustParseAddr("198.18.0.100")}

	// office is behind the router, on a network of its own.
	office = host{name: "c2", address: netip.MustParseAddr("198.18.1.100")}

	nodes = []host{node1, node2}
)

const officeGateway = "198.18.1.1"

// network is the file of the host's network namespace, "" for that of the tests.
func (h host) network() string {
	if h.name == "" {
		return ""
	}
	return "/run/netns/" + h.name
}

// setUpNetwork makes the namespaces, and the wires between them.
func setUpNetwork() error {
	wires := []string{
		"link set lo up",
		"link add lan type bridge",
		"link set lan up",
		fmt.Sprintf("addr add %s/24 dev lan", control.address),
		"route add default via " + router.address.String(),
	}
	for _, h := range []host{router, node1, node2, corp, client} {
		wires = append(wires,
			"netns add "+h.name,
			fmt.Sprintf("link add lan-%s type veth peer name eth0 netns %s", h.name, h.name),
			fmt.Sprintf("link set lan-%s master lan up", h.name),
		)
	}
	wires = append(wires, "netns add "+office.name)
	if err := control.ip(append(wires, podRoutes(control)...)...); err != nil {
		return err
	}
	for _, h := range []host{router, node1, node2, corp, client} {
		lines := []string{"link set lo up", fmt.Sprintf("addr add %s/24 dev eth0", h.address), "link set eth0 up"}
		if h != router {
			lines = append(lines, "route add default via "+router.address.String())
		}
		if err := h.ip(append(lines, podRoutes(h)...)...); err != nil {
			return err
		}
	}
	if err := router.ip("link add office type veth peer name eth0 netns "+office.name,
		"addr add "+officeGateway+"/24 dev office", "link set office up"); err != nil {
		return err
	}
	if err := office.ip("link set lo up", fmt.Sprintf("addr add %s/24 dev eth0", office.address), "link set eth0 up",
		"route add default via "+officeGateway); err != nil {
		return err
	}
	for _, h := range []host{router, node1, node2} {
		if err := h.sysctl("ip_forward", "1"); err != nil {
			return err
		}
	}
	// The speaker of MetalLB answers ARP, a program that may have to wait for the CPU.
	// A host that asks three times, once a second, says "no route to host" then, so
	// these ask for as long as a request may take.
	for _, h := range []host{router, client} {
		for _, name := range []string{"neigh/eth0/ucast_solicit", "neigh/eth0/mcast_solicit"} {
			if err := h.sysctl(name, fmt.Sprint(int(requestTime.Seconds()))); err != nil {
				return err
			}
		}
	}
	return nil
}

// sysctl sets a parameter of IPv4 of the host's network.
func (h host) sysctl(name, value string) error {
	err := namespace.Do(h.network(), func() error { return os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0o644) })
	if err != nil {
		return fmt.Errorf("%s: %w", h.name, err)
	}
	return nil
}

// podRoutes leads hosts that talk to pods, nodes and the control plane, to the
// pods of the (other) nodes.
func podRoutes(h host) (lines []string) {
	if h != control && !h.pods.IsValid() {
		return nil
	}
	for _, n := range nodes {
		if n != h {
			lines = append(lines, fmt.Sprintf("route add %s via %s", n.pods, n.address))
		}
	}
	return lines
}

// ip runs lines of ip(8) in the host's namespace.
func (h host) ip(lines ...string) error {
	cmd := exec.Command("ip", "-batch", "-")
	if h.name != "" {
		cmd = exec.Command("ip", "-netns", h.name, "-batch", "-")
	}
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip in namespace %q: %w\n%s", h.name, err, out)
	}
	return nil
}

// run runs a program of the host's to its end, and returns what it printed.
func (h host) run(ctx context.Context, name string, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := namespace.Do(h.network(), cmd.Start); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}
