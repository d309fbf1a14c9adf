package compile

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// bindingKey is the part of the Secret of an external account binding that
// holds its key, as the CA gives it: base64url without padding.
const bindingKey = "hmac"

// issuing is what the issuer of certificates is to do.
type issuing struct {
	hosts     *hosts
	stored    *stored
	secrets   *secrets
	announced *announced
	issued    *issued
	cfg       *objects.Config

	root     *gatelodge.Issuing // nil: nothing, ACME is off
	order    []gatelodge.Name   // of the issuances
	problems []gatelodge.Problem
}

func makeIssuing(h *hosts, s *stored, i *issued, sec *secrets, a *announced, cfg *objects.Config, last *issuing) *issuing {
	if last != nil && last.hosts == h && last.stored == s && last.issued == i && last.secrets == sec && last.announced == a && last.cfg == cfg {
		return last
	}
	next := &issuing{hosts: h, stored: s, issued: i, secrets: sec, announced: a, cfg: cfg}
	if cfg.ACME == nil {
		next.refuseWishes()
		return next
	}
	next.root = &gatelodge.Issuing{Account: cfg.ACME.Account, Own: ownAddresses(a)}
	next.addBinding()
	if last != nil {
		next.order = last.order
	}
	next.addIssuances()
	if s.authority != nil && s.authority.issuance.Failure != nil {
		next.problem(objects.ConfigObject("acme"), "no certificate can be ordered: "+s.authority.issuance.Failure.Message)
	}
	return next
}

func (n *issuing) problem(object gatelodge.Object, message string) {
	n.problems = append(n.problems, gatelodge.Problem{Object: object, Reason: gatelodge.NotIssued, Message: message})
}

// refuseWishes tells those who ask for what is not there. spec.tls alone asks
// for no order: whoever wrote it may know of a default certificate.
func (n *issuing) refuseWishes() {
	for _, result := range n.hosts.results {
		for _, w := range result.wishes {
			if w.explicit {
				n.problem(w.object, fmt.Sprintf("annotation %sacme asks for a certificate for host %s, but this gateway is configured with no ACME CA", intent.OwnPrefix, result.host.Name))
			}
		}
	}
}

// addBinding adds the key of the external account binding.
func (n *issuing) addBinding() {
	if n.root.Account.BindingID == "" {
		return
	}
	name := n.cfg.ACME.BindingSecret
	secret := n.secrets.byName[name]
	switch {
	case secret == nil:
		n.lack(gatelodge.SecretMissing, "there is no Secret "+name.String())
	case len(secret.Data[bindingKey]) == 0:
		n.lack(gatelodge.BadSecret, fmt.Sprintf("Secret %s has no %s, expected the key that the CA gave, in base64url", name, bindingKey))
	default:
		key, err := decodeBindingKey(secret.Data[bindingKey])
		if err != nil {
			n.lack(gatelodge.BadSecret, fmt.Sprintf("Secret %s: its %s is no base64url", name, bindingKey))
			return
		}
		n.root.Account.BindingKey = string(key)
	}
}

// decodeBindingKey reads base64url; padding and white space around it, as they
// come by copying, are let pass.
func decodeBindingKey(text []byte) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(string(text)), "="))
}

func (n *issuing) lack(reason gatelodge.Reason, message string) {
	n.root.Lacking = message
	n.problems = append(n.problems, gatelodge.Problem{Object: objects.ConfigObject("acme.eab.secret"), Reason: reason, Message: message})
}

// addIssuances lists what is to be ordered: for each host that asks for a
// certificate, or the wildcard over all that have its parent where the
// configuration says so; and what was issued before.
func (n *issuing) addIssuances() {
	askers := make(map[gatelodge.Name][]gatelodge.Object)
	for _, result := range n.hosts.results {
		host := result.host
		if host.Name == "" || len(result.shares) == 0 {
			continue // no name, or one that leads elsewhere
		}
		if wildcard := n.wildcardOver(host.Name); wildcard != "" {
			askers[wildcard] = []gatelodge.Object{objects.ConfigObject("acme.wildcards")}
			continue
		}
		for _, w := range result.wishes {
			if !slices.Contains(askers[host.Name], w.object) {
				askers[host.Name] = append(askers[host.Name], w.object)
			}
		}
	}
	for _, name := range n.stored.order {
		if askers[name] == nil {
			askers[name] = []gatelodge.Object{}
		}
	}
	apexes := n.cfg.Apexes()
	secondaries := make(map[gatelodge.Name][]string)
	n.order = objects.OrderNames(askers, n.order)
	for _, name := range n.order {
		i := &gatelodge.Issuance{Name: name, Askers: askers[name], Certificate: n.issued.byName[name]}
		if zone, ok := zoneOf(challengeName(name), apexes); ok {
			if secondaries[zone] == nil {
				secondaries[zone] = n.secondariesOf(zone)
			}
			i.Challenges, i.Secondaries = []gatelodge.ChallengeType{gatelodge.DNS01}, secondaries[zone]
		} else if !name.IsWildcard() {
			i.Challenges = n.cfg.ChallengesByAddress()
		}
		n.addFailure(i)
		n.root.Issuances = append(n.root.Issuances, i)
	}
}

// addFailure tells those who ask why they do not have their certificate.
func (n *issuing) addFailure(i *gatelodge.Issuance) {
	var why string
	if item := n.stored.byName[i.Name]; item != nil && item.issuance.Failure != nil {
		i.RetryAt = item.issuance.Failure.RetryAt
		why = item.issuance.Failure.Message
	}
	switch {
	case len(i.Challenges) > 0:
	case i.Name.IsWildcard():
		why = "a CA issues wildcards only to who serves the zone, and this gateway has no zone that holds it"
	default:
		why = "a CA proves the name by a listener of protocol HTTPS or HTTP, and this gateway has none"
	}
	if why == "" {
		return
	}
	for _, object := range i.Askers {
		n.problem(object, fmt.Sprintf("no certificate was issued for %s: %s", i.Name, why))
	}
}

// wildcardOver returns the wildcard that is ordered for a name and all its
// siblings, "" if the configuration wants none.
func (n *issuing) wildcardOver(name gatelodge.Name) gatelodge.Name {
	wildcard := name.Wildcard()
	if name.IsWildcard() {
		wildcard = name
	}
	if slices.ContainsFunc(n.cfg.ACME.Wildcards, func(top gatelodge.Name) bool { return wildcard.Parent().Within(top) }) {
		return wildcard
	}
	return ""
}

// secondariesOf lists the name servers of a zone that are not this gateway.
func (n *issuing) secondariesOf(zone gatelodge.Name) []string {
	others := []string{}
	for i := range n.cfg.Zones {
		z := &n.cfg.Zones[i]
		if z.Name != zone {
			continue
		}
		for _, ns := range z.Nameservers {
			if !ns.Within(zone) {
				others = append(others, string(ns))
				continue
			}
			for _, record := range z.Records {
				address, err := netip.ParseAddr(record.Data)
				if record.Name == ns && objects.IsAddress(record) && err == nil && !slices.Contains(n.root.Own, address) {
					others = append(others, address.String())
				}
			}
		}
	}
	return others
}

// ownAddresses are those under which the gateway itself is reached.
func ownAddresses(a *announced) []netip.Addr {
	own := slices.Clone(a.nameservers)
	for _, view := range a.views {
		own = append(own, view.Addresses...)
	}
	return intent.SortedAddresses(own)
}
