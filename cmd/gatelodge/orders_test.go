package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gatelodge "gatelodge.dev"
)

// TestOrdersAreForeseen: check says which certificates are ordered at once and which
// have to wait, how long and for which limit, which share one, and for which keys.
func TestOrdersAreForeseen(t *testing.T) {
	issuing := &gatelodge.Issuing{Account: gatelodge.Account{Limits: gatelodge.CALimits{Domain: gatelodge.Rate{Count: 2, Per: 4 * time.Hour}}}}
	edit := issuing.Issuances.Edit()
	for _, name := range []string{"a.example.com", "b.example.com", "c.example.com", "www.example.net"} {
		edit.Set(gatelodge.IssuanceKey{Name: gatelodge.Name(name)}, &gatelodge.Issuance{
			Name: gatelodge.Name(name), Askers: []gatelodge.Object{{Namespace: "shop"}}, Challenges: []gatelodge.ChallengeType{gatelodge.HTTP01},
		})
	}
	issuing.Issuances = edit.Map()
	var text strings.Builder
	if err := writeOrders(&text, issuing, time.Now()); err != nil {
		t.Fatal(err)
	}
	lines := []string{"a.example.com at once", "b.example.com at once", "www.example.net at once", "c.example.com after 2h0m0s limit=domain"}
	var want strings.Builder
	for _, line := range lines {
		name, when, _ := strings.Cut(line, " ")
		fmt.Fprintf(&want, "order %s for namespace shop %s\n", name, when)
	}
	issuing.Account.Limits.Names = 2
	if err := writeOrders(&text, issuing, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"a.example.com for namespace shop at once", "b.example.com for namespace shop at once with=a.example.com",
		"c.example.com for namespace shop at once", "www.example.net for namespace shop at once"} {
		fmt.Fprintf(&want, "order %s\n", line)
	}
	both := (&gatelodge.Issuing{}).Issuances.Edit()
	for at, key := range gatelodge.KeysOf("a.example.com") {
		both.Set(key, &gatelodge.Issuance{
			Name: key.Name, Second: key.Second, KeyType: gatelodge.KeyTypes{gatelodge.ECDSAP256, gatelodge.RSA2048}[at],
			Askers: []gatelodge.Object{{Namespace: "shop"}}, Challenges: []gatelodge.ChallengeType{gatelodge.HTTP01},
		})
	}
	issuing.Issuances = both.Map()
	if err := writeOrders(&text, issuing, time.Now()); err != nil {
		t.Fatal(err)
	}
	want.WriteString("order a.example.com for namespace shop at once\norder a.example.com for namespace shop at once key=rsa-2048\n")
	if text.String() != want.String() {
		t.Errorf("check prints\n%swant\n%s", text.String(), want.String())
	}
}
