package caa

import (
	"fmt"
	"slices"
	"strings"
)

// Request is a certificate that is about to be ordered.
type Request struct {
	Identities []string // of the CA: the issuer domain names it goes by (RFC 8555 §7.1.1, caaIdentities)
	Account    string   // URL of the account
	Method     string   // by which the name is validated (RFC 8555 §9.7.8)
	Wildcard   bool
}

// The tags that CAs are known to know (RFC 8659 §4, RFC 9495, and the
// Baseline Requirements of the CA/Browser Forum, appendix A.1, and Verified Mark
// Certificates). Only the first two are about certificates of servers.
var knownTags = []string{"issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone", "issuevmc"}

// Forbidden returns why the records that hold for a name forbid the request, and
// what to write instead, "" if they don't.
func Forbidden(records []Record, r Request) string {
	var issue, issuewild []Record
	for _, record := range records {
		switch {
		case record.Tag == "issue":
			issue = append(issue, record)
		case record.Tag == "issuewild":
			issuewild = append(issuewild, record)
		case record.Critical && !slices.Contains(knownTags, record.Tag):
			return fmt.Sprintf("CAA record %s at %s is critical and its tag is not a known one, so no CA may issue; remove it, or write the flags as 0", record, record.Owner)
		}
	}
	relevant := issue
	if r.Wildcard && len(issuewild) > 0 { // which then alone holds (RFC 8659 §4.3)
		relevant = issuewild
	}
	if len(relevant) == 0 {
		return ""
	}
	var why string // of a record that names the CA
	for _, record := range relevant {
		i := parseIssuer(record.Value)
		if !slices.ContainsFunc(r.Identities, func(id string) bool { return strings.EqualFold(id, i.name) }) {
			continue
		}
		reason := i.forbids(r)
		if reason == "" {
			return ""
		}
		why = fmt.Sprintf("CAA record %s at %s lets the CA issue only %s", record, record.Owner, reason)
	}
	if why != "" {
		return why
	}
	first := relevant[0]
	others := ""
	if n := len(relevant) - 1; n > 0 {
		others = fmt.Sprintf(" (and %d more of tag %s)", n, first.Tag)
	}
	return fmt.Sprintf("CAA record %s at %s%s does not let the CA %s issue; add the record 0 %s %q there",
		first, first.Owner, others, r.Identities[0], first.Tag, r.Identities[0])
}

// forbids returns to what the parameters of a record that names the CA limit it,
// "" if the request is within that. Parameters that are not known limit nothing.
func (i issuer) forbids(r Request) string {
	if uris := i.values("accounturi"); len(uris) > 0 && (len(uris) > 1 || uris[0] != r.Account) { // RFC 8657 §3
		return fmt.Sprintf("for another account; write accounturi=%s", r.Account)
	}
	methods := i.values("validationmethods") // RFC 8657 §4
	if len(methods) == 0 {
		return ""
	}
	if len(methods) == 1 && slices.Contains(strings.Split(methods[0], ","), r.Method) {
		return ""
	}
	return fmt.Sprintf("by another way of validation; add %s to its validationmethods", r.Method)
}
