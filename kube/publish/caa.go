package publish

import (
	"fmt"
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/objects"
)

// Accounts is what is known of CAs and of our accounts there.
type Accounts struct {
	List []gatelodge.KnownAccount
}

// Issuers returns the RDATA of the CAA records that let the configured CAs issue, and
// no one else: each for our account (RFC 8657 §3), and by our DNS alone (§4), which
// proves all names of our zones. Without issuewild they hold for wildcards as well
// (RFC 8659 §4.3). A CA appears once its account is known.
func (a *Accounts) Issuers(cfg *objects.Config) (issuers []string) {
	for _, account := range a.List {
		if !cfg.ACME.Uses(account.Directory) {
			continue // it was configured once
		}
		methods := gatelodge.DNS01
		if cfg.ACME.Persists(account.Directory) {
			methods += "," + gatelodge.DNSPersist01
		}
		for _, identity := range account.Identities {
			issuers = append(issuers, fmt.Sprintf(`0 issue "%s; accounturi=%s; validationmethods=%s"`, identity, account.URL, methods))
		}
	}
	slices.Sort(issuers)
	return slices.Compact(issuers)
}

// addCAA adds the CAA records of the apex. Those that the configuration gives, in
// whatever form, stand alone.
func (p *zonePlan) addCAA(add func(name gatelodge.Name, typ, data string)) {
	apex, issuers := p.zone.Name, p.zone.CAA
	if p.zone.AutoCAA && !slices.ContainsFunc(p.records[apex], func(r gatelodge.Record) bool { return r.Type == "CAA" }) {
		issuers = p.issuers
	}
	for _, data := range issuers {
		add(apex, "CAA", data)
	}
}
