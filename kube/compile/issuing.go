package compile

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/publish"
	"gatelodge.dev/kube/stored"
)

// bindingKey is the part of the Secret of an external account binding that
// holds its key, as the CA gives it: base64url without padding.
const bindingKey = "hmac"

// issuing contains the tasks of the issuer of certificates.
type issuing struct {
	hosts     gatelodge.Map[gatelodge.Name, *hostResult]
	stored    *stored.Items
	secrets   []*corev1.Secret // of the external account bindings, by account, and of the account's key
	announced *publish.Announced
	issued    gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Certificate]
	cfg       *objects.Config

	root     *gatelodge.Issuing  // nil: nothing, ACME is off
	problems []gatelodge.Problem // of the configuration

	wanted follow.Index[gatelodge.Name, gatelodge.Name] // the hosts that a certificate is for, by its name
	list   gatelodge.Map[gatelodge.IssuanceKey, *gatelodge.Issuance]
	told   gatelodge.Map[gatelodge.Name, *follow.Told] // why hosts, by their names, or certificates, by theirs, lack one
}

func makeIssuing(h *hosts, s *stored.Items, i *issued, sec *secretReader, a *publish.Announced, cfg *objects.Config, last *issuing) *issuing {
	n := &issuing{hosts: h.results, stored: s, issued: i.byKey, announced: a, cfg: cfg}
	if cfg.ACME != nil {
		for _, account := range cfg.ACME.Accounts() {
			var secret *corev1.Secret
			if account.Account.BindingID != "" {
				secret = sec.table.Get(objects.Key(account.BindingSecret))
			}
			n.secrets = append(n.secrets, secret)
		}
		n.secrets = append(n.secrets, sec.table.Get(cfg.ACME.AccountSecret))
	}
	switch {
	case last == nil || last.cfg != cfg:
		last = &issuing{stored: &stored.Items{}}
	case last.hosts == n.hosts && last.stored == s && slices.Equal(last.secrets, n.secrets) && last.announced == a && last.issued == n.issued:
		return last
	}
	if cfg.ACME == nil {
		n.refuseRequests(last)
		return n
	}
	n.root = &gatelodge.Issuing{Resolvers: cfg.ACME.Resolvers, Own: a.Own, Patience: cfg.ACME.Patience,
		Announced: slices.ContainsFunc(cfg.Zones, func(z objects.ZoneConfig) bool { return z.AutoCAA }) ||
			slices.ContainsFunc(cfg.ACME.Accounts(), func(a objects.ACMEAccount) bool { return a.Account.Persistent })}
	n.addAccounts()
	for _, message := range cfg.ACME.Adopted.Problems {
		n.problems = append(n.problems, gatelodge.Problem{Object: objects.ConfigObject("acme.adopt"), Reason: gatelodge.BadConfig, Message: message})
	}
	n.addIssuances(last)
	n.checkAutoCAA()
	if s.Authority != nil && s.Authority.Issuance.Failure != nil {
		what := "no certificate can be ordered: "
		if len(n.root.Fallbacks) > 0 {
			what = "a CA can't be used: "
		}
		n.problem(objects.ConfigObject("acme"), what+s.Authority.Issuance.Failure.Message)
	}
	return n
}

func (n *issuing) problem(object gatelodge.Object, message string) {
	n.problems = append(n.problems, notIssued(object, message))
}

func notIssued(object gatelodge.Object, message string) gatelodge.Problem {
	return gatelodge.Problem{Object: object, Reason: gatelodge.NotIssued, Message: message}
}

// refuseRequests reports requests for certificates that can't be ordered. spec.tls
// alone is not one, because its author may rely on a default certificate.
func (n *issuing) refuseRequests(last *issuing) {
	edit := last.told.Edit()
	for name, change := range n.hosts.Changes(last.hosts) {
		var t *follow.Told
		if change.After != nil {
			for _, request := range change.After.requests {
				if request.explicit {
					t = t.Add(notIssued(request.object, fmt.Sprintf("annotation %sacme asks for a certificate for host %s, but this gateway is configured with no ACME CA", annotations.OwnPrefix, name)))
				}
			}
		}
		edit.Set(name, t)
	}
	n.told = edit.Map()
}

// addAccounts adds the accounts with the keys of their external account bindings. A
// further account without its key is left out.
func (n *issuing) addAccounts() {
	for i, configured := range n.cfg.ACME.Accounts() {
		account := configured.Account
		reason, message := gatelodge.Reason(""), ""
		if account.BindingID != "" {
			account.BindingKey, reason, message = bindingOf(configured.BindingSecret, n.secrets[i])
		}
		if message != "" {
			n.problems = append(n.problems, gatelodge.Problem{Object: objects.ConfigObject(configured.ConfigKey + ".eab.secret"), Reason: reason, Message: message})
		}
		switch {
		case i == 0:
			n.root.Account, n.root.Lacking = account, message
			n.adoptAccount()
		case message == "":
			n.root.Fallbacks = append(n.root.Fallbacks, account)
		}
	}
}

// bindingOf returns the key of an external account binding, or the problem of its
// Secret.
func bindingOf(name objects.Key, secret *corev1.Secret) (key string, reason gatelodge.Reason, message string) {
	switch {
	case secret == nil:
		return "", gatelodge.SecretMissing, "there is no Secret " + name.String()
	case len(secret.Data[bindingKey]) == 0:
		return "", gatelodge.BadSecret, fmt.Sprintf("Secret %s has no %s, expected the key that the CA gave, in base64url", name, bindingKey)
	}
	decoded, err := decodeBindingKey(secret.Data[bindingKey])
	if err != nil {
		return "", gatelodge.BadSecret, fmt.Sprintf("Secret %s: its %s is not valid base64url", name, bindingKey)
	}
	return string(decoded), "", ""
}

// decodeBindingKey reads base64url; padding and white space around it, which often come
// with copying, are accepted.
func decodeBindingKey(text []byte) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(string(text)), "="))
}

// checkAutoCAA reports the CAs for which no CAA records can be published.
func (n *issuing) checkAutoCAA() {
	for i, zone := range n.cfg.Zones {
		if !zone.AutoCAA {
			continue
		}
		for _, account := range n.stored.Accounts.List {
			if n.cfg.ACME.Uses(account.Directory) && len(account.Identities) == 0 {
				n.problems = append(n.problems, gatelodge.Problem{Object: objects.ConfigObject(fmt.Sprintf("dns.zones[%d].caa", i)), Reason: gatelodge.BadConfig,
					Message: fmt.Sprintf("the CA of %s does not say by which name CAA records call it (caaIdentities), so auto publishes none for it; write the records in place of auto", account.Directory)})
			}
		}
	}
}

// addIssuances lists the certificates to order: for each host that requests one, or the
// configured wildcard for all its siblings; and the existing ones.
func (n *issuing) addIssuances(last *issuing) {
	dirty := make(follow.Dirty[gatelodge.Name])
	wanted := last.wanted.Edit()
	for name, change := range n.hosts.Changes(last.hosts) {
		before, after := n.certificateFor(change.Before), n.certificateFor(change.After)
		if before != after {
			wanted.Set(follow.PairOf(before, name), false)
		}
		wanted.Set(follow.PairOf(after, name), after != "")
		dirty[before], dirty[after] = true, true
	}
	n.wanted = wanted.Map()
	for key := range n.stored.ByKey.Changes(last.stored.ByKey) {
		dirty[key.Name] = true
	}
	for key := range n.issued.Changes(last.issued) {
		dirty[key.Name] = true
	}
	if last.announced != n.announced { // and with them the secondaries
		for key := range last.list.All() {
			dirty[key.Name] = true
		}
	}
	apexes := n.cfg.Apexes()
	secondaries := make(map[gatelodge.Name][]string)
	list, tell := last.list.Edit(), last.told.Edit()
	for name := range dirty {
		if name == "" {
			continue
		}
		var t *follow.Told
		both := n.issuances(name, apexes, secondaries)
		for _, i := range both {
			key, after := i.Key(), i
			if before := last.list.Get(key); before != nil && reflect.DeepEqual(before, i) {
				after = before
			} else if item := n.stored.ByKey.Get(key); len(i.Askers) == 0 && (item == nil || item.Adopted) {
				after = nil // adopted certificates are kept once they are requested
			}
			list.Set(key, after)
			t = n.addFailure(t, after, len(both[0].Askers) == len(both[1].Askers))
		}
		tell.Set(name, t)
	}
	n.list, n.told = list.Map(), tell.Map()
	n.root.Issuances = n.list
}

// certificateFor returns the name of the certificate that a host requests, "" for none.
func (n *issuing) certificateFor(r *hostResult) gatelodge.Name {
	if r == nil || r.host.Name == "" || len(r.shares) == 0 || r.host.ByView != nil && len(r.host.ByView) == 0 {
		return "" // no name, or one that leads elsewhere or is in no view
	}
	if top := n.wildcardOver(r.host.Name); top != nil && !n.wantsItsOwn(r, top) {
		return wildcardFor(r.host.Name)
	}
	if len(r.requests) == 0 {
		return ""
	}
	return r.host.Name
}

// issuances returns the tasks for the certificates for a name.
func (n *issuing) issuances(name gatelodge.Name, apexes map[gatelodge.Name]bool, secondaries map[gatelodge.Name][]string) (list [2]*gatelodge.Issuance) {
	common := gatelodge.Issuance{Name: name, Askers: []gatelodge.Object{}}
	askers, ask := n.askers(name)
	if zone, ok := publish.ZoneOf(publish.ChallengeName(name), apexes); ok {
		if secondaries[zone] == nil {
			secondaries[zone] = n.secondariesOf(zone)
		}
		common.Challenges, common.Secondaries = []gatelodge.ChallengeType{gatelodge.DNS01}, secondaries[zone]
	} else if !name.IsWildcard() {
		common.Challenges = n.cfg.ChallengesByAddress(n.isIn(name))
	}
	var kinds gatelodge.KeyTypes
	if len(askers) > 0 {
		kinds, common.Profile = n.kindsOf(name, ask.KeyTypes), ask.Profile
	}
	for at, key := range gatelodge.KeysOf(name) {
		i := common
		i.Second, i.KeyType, i.Certificate = key.Second, kinds[at], n.issued.Get(key)
		if kinds[at] != "" {
			i.Askers = askers
		}
		if item := n.stored.ByKey.Get(key); item != nil {
			if i.Ordered = len(item.Issuance.Order) > 0; i.Ordered {
				i.With = item.Issuance.With
			}
			if len(i.Askers) > 0 && !item.IsFor(i.Askers[0].Namespace) {
				i.Certificate = nil
			}
			i.Adopted = item.Adopted && i.Certificate != nil
			if failure := item.FailureOf(&i); failure != nil {
				i.RetryAt = failure.RetryAt
			}
			if i.Certificate != nil {
				i.Window, i.Directory = item.Issuance.Window, item.Issuance.Directory
			}
		}
		n.takeOver(&i)
		list[at] = &i
	}
	return list
}

// isIn returns a function that reports whether a host is in a view. A host that does
// not exist may be in any.
func (n *issuing) isIn(host gatelodge.Name) func(view string) bool {
	r := n.hosts.Get(host)
	return func(view string) bool { return r == nil || r.host.In(view) != nil }
}

// askers lists the objects that request the certificates for a name, and the settings
// for the CA: those of the Ingresses, then of the configured wildcard, then of the
// class.
func (n *issuing) askers(name gatelodge.Name) ([]gatelodge.Object, objects.CertificateAsk) {
	askers, ask := []gatelodge.Object{}, objects.CertificateAsk{}
	for host := range follow.Of(n.wanted, name) {
		r, top := n.hosts.Get(host), n.wildcardOver(host)
		if top != nil && !n.wantsItsOwn(r, top) {
			return []gatelodge.Object{objects.ConfigObject("acme.wildcards")}, top.Ask.Or(n.leftOpen())
		}
		ask = ask.Or(r.ownAsk())
		if top != nil {
			ask = ask.Or(top.Ask)
		}
		for _, request := range r.requests {
			ask = ask.Or(request.byClass)
			if !slices.Contains(askers, request.object) {
				askers = append(askers, request.object)
			}
		}
	}
	return askers, ask.Or(n.leftOpen())
}

// addFailure reports to the askers why they have no certificate, or only one of two.
func (n *issuing) addFailure(t *follow.Told, i *gatelodge.Issuance, both bool) *follow.Told {
	if i == nil {
		return t
	}
	var why string
	what := "no certificate"
	if both {
		what += " with a key of type " + string(i.KeyType)
	}
	if failure := n.stored.ByKey.Get(i.Key()).FailureOf(i); failure != nil {
		why = failure.Message
	}
	switch {
	case len(i.Challenges) > 0:
	case i.Name.IsWildcard():
		why = "a wildcard can be validated only by DNS, and this gateway has no zone with that name"
	default:
		why = "a CA proves the name by a listener of protocol HTTPS or HTTP, and this gateway has none"
	}
	if c := i.Certificate; c != nil && c.Flaw != nil {
		for _, object := range i.Askers {
			t = t.Add(gatelodge.Problem{Object: object, Reason: gatelodge.BadCertificate,
				Message: fmt.Sprintf("the certificate that was issued for %s %s; another one is ordered, for a new key", i.Name, c.Flaw.Text)})
		}
	}
	if why == "" {
		return t
	}
	for _, object := range i.Askers {
		t = t.Add(notIssued(object, fmt.Sprintf("%s was issued for %s: %s", what, i.Name, why)))
	}
	return t
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
