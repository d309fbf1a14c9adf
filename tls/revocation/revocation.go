// Package revocation finds out which of the certificates in a Snapshot their CAs have
// revoked. A CA may do so unasked, for example because the key was shown to it.
//
// The leader fetches the CRLs that certificates name, one at a time, and stores which
// are revoked; every replica then treats these as worthless, and the leader replaces
// those that it ordered. A CRL that can't be fetched changes nothing.
//
// It must not know what a CRL looks like (package crl), nor what follows from a
// revocation.
package revocation

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/crl"
)

// How often a CRL is fetched: when the CA has the next one, within these bounds.
const (
	crlLeast = time.Hour
	crlMost  = 12 * time.Hour
	// crlSoon is the time after which one is fetched again for certificates that were
	// not there the last time.
	crlSoon = 10 * time.Minute
	// crlLook is the time between two looks at which are to be fetched.
	crlLook = time.Minute
)

// Bounds, so that no number of certificates makes the leader ask without end.
const (
	maxCRLs        = 512 // URLs
	maxRevocations = 10_000
)

// Checker finds out which certificates are revoked.
type Checker struct {
	config Config
	live   *gatelodge.Live
	fetch  func(ctx context.Context, url string, networks []netip.Prefix, userAgent string) ([]byte, error)
	roots  func() (*x509.CertPool, error)

	fetched, failed atomic.Uint64
}

// Config configures a Checker.
type Config struct {
	Store     gatelodge.Store
	Log       *slog.Logger
	UserAgent string
}

// New returns a Checker of the certificates of live.
func New(live *gatelodge.Live, config Config) *Checker {
	return &Checker{config: config, live: live, fetch: crl.Fetch, roots: x509.SystemCertPool}
}

// Fetches returns how many CRLs this process fetched, and how often it could not.
func (r *Checker) Fetches() (fetched, failed uint64) { return r.fetched.Load(), r.failed.Load() }

// Run asks until ctx ends. Only the leader runs it.
func (r *Checker) Run(ctx context.Context) {
	round := crlRound{Checker: r, known: make(map[string]*watched), lists: make(map[string]*watchedList), failing: make(map[string]bool)}
	timer := time.NewTimer(crlLook)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if snapshot, _, _ := r.live.Current(); snapshot != nil && snapshot.Settings != nil && snapshot.Settings.TLS.Revocation != gatelodge.RevocationOff {
			if err := round.look(ctx, snapshot); err != nil && ctx.Err() == nil {
				r.config.Log.Warn("can't store which certificates are revoked", "error", err)
			}
		}
		timer.Reset(crlLook)
	}
}

// crlRound is what a leader knows from one look to the next.
type crlRound struct {
	*Checker
	known   map[string]*watched     // certificates by fingerprint
	lists   map[string]*watchedList // by URL
	failing map[string]bool         // hosts from which no CRL can be had, as it was logged
	over    bool                    // that there are too many URLs was logged
}

// watchedList is when a CRL was fetched, and when it is to be.
type watchedList struct {
	last, next time.Time
	failed     bool // the last time
}

// look asks for the CRLs for which it is time.
func (c *crlRound) look(ctx context.Context, snapshot *gatelodge.Snapshot) error {
	c.follow(snapshot)
	now := time.Now()
	byURL := make(map[string][]*watched)
	for _, w := range c.known {
		if w.url != "" && now.Before(w.leaf.NotAfter) {
			byURL[w.url] = append(byURL[w.url], w)
		}
	}
	for u := range c.lists {
		if byURL[u] == nil {
			delete(c.lists, u)
		}
	}
	var due []string
	for u, certificates := range byURL {
		list := c.lists[u]
		switch {
		case list == nil && len(c.lists) >= maxCRLs:
			if !c.over {
				c.config.Log.Warn("certificates name too many CRLs, some are not fetched", "most", maxCRLs)
			}
			c.over = true
			continue
		case list == nil:
			list = &watchedList{}
			c.lists[u] = list
		}
		isNew := slices.ContainsFunc(certificates, func(w *watched) bool { return !w.checked })
		if !now.Before(list.next) || isNew && !list.failed && !now.Before(list.last.Add(crlSoon)) {
			due = append(due, u)
		}
	}
	if len(due) == 0 {
		return nil
	}
	slices.Sort(due)
	return c.ask(ctx, due, byURL, snapshot.Settings.TLS.RevocationNetworks)
}

// ask fetches CRLs, and stores which certificates they name.
func (c *crlRound) ask(ctx context.Context, urls []string, byURL map[string][]*watched, networks []netip.Prefix) error {
	stored, err := loadRevocations(ctx, c.config.Store)
	if err != nil {
		return err
	}
	for _, u := range urls {
		list, now := c.lists[u], time.Now()
		list.last, list.next = now, now.Add(crlLeast)
		found, err := c.read(ctx, u, byURL[u], networks)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.note(u, err)
		if list.failed = err != nil; list.failed {
			continue
		}
		list.next = now.Add(min(max(found.next.Sub(now), crlLeast), crlMost))
		for _, w := range byURL[u] {
			if w.checked = true; stored.set(w, found.entries[w]) {
				c.tell(w, found.entries[w])
			}
		}
		if err := stored.save(ctx, c.config.Store); err != nil { // before the next CA, which may take its time
			return err
		}
	}
	return nil
}

// tell logs what has become known of a certificate.
func (c *crlRound) tell(w *watched, entry *crl.Entry) {
	log := c.config.Log.With("names", w.leaf.DNSNames, "issuer", w.leaf.Issuer.String())
	if entry == nil {
		log.Info("a certificate is not revoked any more")
		return
	}
	log.Warn("a certificate was revoked by its CA", "at", entry.At.UTC(), "reason", entry.Reason)
}

// crlContent is what a CRL says of certificates.
type crlContent struct {
	next    time.Time
	entries map[*watched]*crl.Entry // of those that are revoked
}

// read fetches a CRL. Certificates of one URL have one issuer, as a rule; a list is
// read once for each that has other certificates there.
func (c *crlRound) read(ctx context.Context, u string, certificates []*watched, networks []netip.Prefix) (*crlContent, error) {
	der, err := c.fetch(ctx, u, networks, c.config.UserAgent)
	if err != nil {
		return nil, err
	}
	content := &crlContent{next: time.Now().Add(crlMost), entries: make(map[*watched]*crl.Entry)}
	lists := make(map[string]*crl.List) // by issuer
	for _, w := range certificates {
		list := lists[string(w.issuer.Raw)]
		if list == nil {
			var one error
			if list, one = crl.Parse(der, w.issuer); one != nil {
				if err == nil {
					err = one
				}
				continue
			}
			lists[string(w.issuer.Raw)] = list
		}
		if !list.NextUpdate.IsZero() {
			content.next = list.NextUpdate
		}
		if entry, revoked := list.Find(w.leaf.SerialNumber); revoked {
			content.entries[w] = &entry
		}
	}
	if len(lists) == 0 {
		return nil, err
	}
	return content, nil
}

// note counts a fetch. The log tells once that a host can't be asked, and once that it
// can again: a gateway that has no way out has nothing else to say.
func (c *crlRound) note(u string, err error) {
	host := u
	if parsed, parseErr := url.Parse(u); parseErr == nil {
		host = parsed.Host
	}
	if err == nil {
		c.fetched.Add(1)
		if c.failing[host] {
			c.config.Log.Info("CRLs can be fetched again", "host", host)
			delete(c.failing, host)
		}
		return
	}
	c.failed.Add(1)
	if !c.failing[host] {
		c.failing[host] = true
		c.config.Log.Info("a CRL can't be fetched, so it is not known whether certificates are revoked; this is logged once", "url", u, "error", err)
	}
}
