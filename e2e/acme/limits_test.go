package acme_test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelodge.dev/e2e/pebble"
	"gatelodge.dev/e2e/undertest"
)

// TestThreeThousandHosts: 3,000 hosts of 50 namespaces move at once to a gateway whose CA
// has the limits of Let's Encrypt and enforces them: a third is of one domain that has no
// room for them, and the others are too many orders. No limit refuses any, hosts with
// traffic have certificates first, and the orders are those that check prints beforehand.
func TestThreeThousandHosts(t *testing.T) {
	const teams, ofCompany, own = 50, 20, 40
	s := newSite(t, pebble.Options{AtOnce: true})
	s.proxy.Enforce(pebble.LetsEncrypt)
	s.further = "co.uk" // a public suffix, so each name below it is a registered domain
	s.configure("limits: {orders: 300/3h, domain: 50/168h, duplicates: 5/168h, failures: 5/1h, names: 100}")
	var hosts, visited []string
	for team := range teams {
		namespace := fmt.Sprintf("team%02d", team)
		var text strings.Builder
		for n := range ofCompany + own {
			host := fmt.Sprintf("n%02d.%s.example.test", n, namespace)
			if n >= ofCompany {
				host = fmt.Sprintf("n%02d.%s.co.uk", n, namespace)
			}
			if n == 11 && team%5 == 0 || n == 44 && team%5 == 1 {
				visited = append(visited, host)
			}
			hosts = append(hosts, host)
			text.WriteString(ingress(namespace, host))
		}
		s.write("manifests/"+namespace+".yaml", text.String())
	}
	planned := s.plannedOrders()
	if len(planned) != 2*teams {
		t.Errorf("check plans %d orders, want %d: two of each namespace", len(planned), 2*teams)
	}

	// The CA takes no order until clients have asked for some of the hosts. By then the
	// orders may have begun that the gateway has in progress at a time.
	const inProgress = 8
	asked := make(chan struct{})
	s.proxy.SetFault(func(step pebble.Step) error {
		if step.Kind == pebble.NewOrder && !step.After {
			<-asked
		}
		return nil
	})
	s.start()
	for _, host := range visited {
		if _, err := s.Shown(host); err != nil {
			t.Error(err)
		}
	}
	close(asked)
	served := 0
	undertest.AwaitWithin(t, 10*time.Minute, "certificates of all hosts", func() error {
		for ; served < len(hosts); served++ {
			if err := s.accepted(hosts[served]); err != nil {
				return err
			}
		}
		return nil
	}, s)

	for _, refusal := range s.proxy.Refused() {
		t.Errorf("a limit refused an order for %s", refusal)
	}
	placed := s.proxy.Placed()
	var lost []string // names of orders of which the CA could not validate one in time
	for _, order := range placed {
		if order.Failed {
			lost = append(lost, order.Names...)
		}
	}
	for n, order := range placed {
		names := strings.Join(order.Names, " ")
		if planned[names] {
			delete(planned, names)
		} else if slices.ContainsFunc(order.Names, func(name string) bool { return !slices.Contains(lost, name) }) {
			t.Errorf("order %d is for %d names that were not planned together: %.200s", n, len(order.Names), names)
		}
	}
	for names := range planned {
		t.Errorf("this order was planned, but not placed: %.200s", names)
	}
	for _, host := range visited {
		at := slices.IndexFunc(placed, func(order pebble.Placed) bool { return slices.Contains(order.Names, host) })
		if at >= len(visited)+inProgress {
			t.Errorf("clients waited for %s, but it is in order %d", host, at)
		}
	}
}

// plannedOrders returns the orders that check prints, each with its names in order.
func (s *site) plannedOrders() map[string]bool {
	s.t.Helper()
	text, err := exec.Command(undertest.Binary(), "check", "--config", filepath.Join(s.dir, "gateway.yaml"), filepath.Join(s.dir, "manifests")).Output()
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // there are no Services
		s.t.Fatal(err)
	}
	together := make(map[string][]string)
	for _, line := range plannedLine.FindAllStringSubmatch(string(text), -1) {
		name, with := line[1], line[2]
		if with == "" {
			with = name
		}
		together[with] = append(together[with], name)
	}
	orders := make(map[string]bool)
	for _, names := range together {
		slices.Sort(names)
		orders[strings.Join(names, " ")] = true
	}
	return orders
}

var plannedLine = regexp.MustCompile(`(?m)^order (\S+) for namespace \S+ at once(?: .*with=(\S+))?`)

// ingress is an Ingress that asks for TLS.
func ingress(namespace, host string) string {
	return fmt.Sprintf(`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: %s, name: %q}
spec:
  rules: [{host: %q, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
  tls: [{hosts: [%q]}]
`, namespace, host, host, host)
}
