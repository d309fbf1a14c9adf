package main

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/adopt"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/syntax"
	"gatelodge.dev/tls/budget"
)

// maxRootsBytes is the size limit of a file of root certificates.
const maxRootsBytes = 1 << 20

// maxNames is how many names a certificate may be ordered for; public CAs allow no more.
const maxNames = 100

// acme returns the settings for ordering certificates, nil if none are ordered.
func (r *configReader) acme(f fileACME, zones []objects.ZoneConfig) *objects.ACMEConfig {
	if f.Directory == "" {
		var defaults fileConfig
		defaults.setDefaults()
		if !reflect.DeepEqual(f, defaults.ACME) {
			r.fail("acme", "directory is missing, write the URL of the CA's directory")
		}
		for i, zone := range zones {
			if zone.AutoCAA {
				r.fail(fmt.Sprintf("dns.zones[%d].caa", i), "auto needs acme.directory, write that too, or records like 0 issue \"letsencrypt.org\"")
			}
		}
		return nil
	}
	email := r.email("acme.email", f.Email)
	keyAge := r.duration("acme.accountKeyAge", f.AccountKeyAge, 0)
	if keyAge > 0 && keyAge < 24*time.Hour {
		r.fail("acme.accountKeyAge", "%s is too short, write 24h or more, or 0s for never", keyAge)
	}
	directories := make(unique)
	account := func(key string, f fileACMEFallback) objects.ACMEAccount {
		r.once(directories, key+".directory", f.Directory)
		a := r.acmeAccount(key, f, email)
		a.Account.KeyAge = keyAge
		return a
	}
	c := &objects.ACMEConfig{ACMEAccount: account("acme", fileACMEFallback{f.Directory, f.CAFile, f.EAB, f.Profile, f.Limits, f.PersistentRecords})}
	for i, fallback := range f.Fallbacks {
		c.Fallbacks = append(c.Fallbacks, account(fmt.Sprintf("acme.fallbacks[%d]", i), fallback))
	}
	c.KeyTypes = r.keyTypes("acme.keyType", f.KeyType)
	c.Patience = r.duration("acme.patience", f.Patience, time.Minute)
	c.Account.Chain = r.printable("acme.preferredChain", f.PreferredChain)
	if f.Adopt.Autocert != "" {
		c.Adopted = adopt.Autocert(f.Adopt.Autocert, time.Now())
	}
	if f.Adopt.AccountSecret != "" {
		c.AccountSecret = r.secretName("acme.adopt.accountSecret", f.Adopt.AccountSecret)
	}
	c.Resolvers = r.dnsServers("acme.resolvers", "a resolver", f.Resolvers)
	seen := make(unique)
	for i, wildcard := range f.Wildcards {
		key, s := fmt.Sprintf("acme.wildcards[%d]", i), wildcard.Name
		name, err := syntax.ParseName(s)
		switch {
		case err == nil && name.IsWildcard():
			err = fmt.Errorf("%q is already a wildcard", s)
		case err == nil && !slices.ContainsFunc(zones, func(z objects.ZoneConfig) bool { return name.Within(z.Name) }):
			err = fmt.Errorf("%q is not in one of dns.zones, which a CA needs to validate a wildcard", s)
		}
		if err != nil {
			r.fail(key, "%v; write a name like pke.example.com", err)
			continue
		}
		r.once(seen, key, string(name))
		top := objects.ACMEWildcard{Name: name}
		if wildcard.KeyType != "" {
			top.Ask.KeyTypes = r.keyTypes(key+".keyType", wildcard.KeyType)
		}
		if wildcard.Profile != "" {
			if top.Ask.Profile, err = syntax.ReadProfile(wildcard.Profile); err != nil {
				r.fail(key+".profile", "%q %v, write one that the CA has, like shortlived", abridged(wildcard.Profile), err)
			}
		}
		c.Wildcards = append(c.Wildcards, top)
	}
	return c
}

// acmeAccount reads the settings of one CA.
func (r *configReader) acmeAccount(key string, f fileACMEFallback, email string) objects.ACMEAccount {
	a := objects.ACMEAccount{ConfigKey: key, Account: gatelodge.Account{
		Directory:  r.directoryURL(key+".directory", f.Directory),
		Roots:      r.roots(key+".caFile", f.CAFile),
		Email:      email,
		BindingID:  r.printable(key+".eab.keyID", f.EAB.KeyID),
		Profile:    r.printable(key+".profile", f.Profile),
		Persistent: f.PersistentRecords,
		Limits:     r.acmeLimits(key+".limits", f.Limits, budget.Known(f.Directory, f.Profile)),
	}}
	switch {
	case (f.EAB.KeyID == "") != (f.EAB.Secret == ""):
		r.fail(key+".eab", "write both keyID and secret, or neither")
	case f.EAB.Secret != "":
		a.BindingSecret = r.secretName(key+".eab.secret", f.EAB.Secret)
	}
	return a
}

// keyTypes accepts one kind of key, or two.
func (r *configReader) keyTypes(key, s string) gatelodge.KeyTypes {
	types, err := gatelodge.ParseKeyTypes(s)
	if err != nil {
		r.fail(key, "%q %v, write one of %s, or one of ECDSA and one of RSA separated by a comma", abridged(s), err, knownKeyTypes())
	}
	return types
}

func knownKeyTypes() string {
	var names []string
	for _, t := range gatelodge.AllKeyTypes() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// acmeLimits reads the limits of a CA; known CAs have defaults.
func (r *configReader) acmeLimits(key string, f fileACMELimits, known gatelodge.CALimits) gatelodge.CALimits {
	limits := gatelodge.CALimits{
		Orders:        r.rate(key+".orders", f.Orders, known.Orders),
		Domain:        r.rate(key+".domain", f.Domain, known.Domain),
		Duplicates:    r.rate(key+".duplicates", f.Duplicates, known.Duplicates),
		Failures:      r.rate(key+".failures", f.Failures, known.Failures),
		CountRenewals: r.oneOf(key+".renewals", f.Renewals, "exempt", "counted") == "counted",
		Names:         known.Names,
	}
	if f.Names != 0 {
		limits.Names = within(r, key+".names", f.Names, 1, maxNames)
	}
	return limits
}

// rate accepts a number and its period, or none.
func (r *configReader) rate(key, s string, otherwise gatelodge.Rate) gatelodge.Rate {
	switch s {
	case "":
		return otherwise
	case "none":
		return gatelodge.Rate{}
	}
	count, per, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	d, durationErr := time.ParseDuration(per)
	if err != nil || durationErr != nil || n < 1 || n > 1_000_000 || d < time.Second || d > 365*24*time.Hour {
		r.fail(key, "%q is not a valid limit, write a number and a duration, like 300/3h, or none", abridged(s))
		return gatelodge.Rate{}
	}
	return gatelodge.Rate{Count: n, Per: d}
}

// directoryURL accepts the URL of a CA's directory (RFC 8555 §6.1: HTTPS).
func (r *configReader) directoryURL(key, s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		r.fail(key, "%q is not a valid URL of a CA's directory, write one like https://acme-v02.api.letsencrypt.org/directory", abridged(s))
	}
	return s
}

// roots reads a file of root certificates in PEM.
func (r *configReader) roots(key, file string) string {
	if file == "" {
		return ""
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		r.fail(key, "%v; write the name of a file of certificates in PEM", err)
		return ""
	case !info.Mode().IsRegular() || info.Size() > maxRootsBytes:
		r.fail(key, "%q is not a file of at most %d bytes, write the name of a file of certificates in PEM", abridged(file), maxRootsBytes)
		return ""
	}
	text, err := os.ReadFile(file)
	if err != nil {
		r.fail(key, "%v; write the name of a file of certificates in PEM", err)
	} else if !x509.NewCertPool().AppendCertsFromPEM(text) {
		r.fail(key, "%q contains no certificate, write the name of a file of certificates in PEM", abridged(file))
	}
	return string(text)
}

// email accepts an email address, or nothing.
func (r *configReader) email(key, s string) string {
	if s == "" {
		return ""
	}
	local, domain, _ := strings.Cut(s, "@")
	if name, err := gatelodge.ParseName(domain); err != nil || name.IsWildcard() || !syntax.IsLocalPart(local) {
		r.fail(key, "%q is not a valid email address, write one like certificates@example.com", abridged(s))
	}
	return s
}

// printable accepts a short text.
func (r *configReader) printable(key, s string) string {
	if len(s) > 256 || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		r.fail(key, "%q is not a valid identifier, write up to 256 printable characters", abridged(s))
	}
	return s
}
