package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// A CA says when it wants its certificates to be renewed (RFC 9773): it spreads its
// load by that, and brings renewals forward when it has to revoke certificates. The
// leader asks for each certificate in turn, one request at a time, and keeps what
// changed in the Store.

// How often the CA is asked about a certificate (RFC 9773 §4.3.2, §4.3.3).
const (
	infoWait  = 6 * time.Hour // if it does not say, or knows nothing about the certificate
	infoLeast = time.Minute
	infoMost  = 24 * time.Hour
	// infoPause is the time between two looks at what is to be asked.
	infoPause = 15 * time.Second
	// infoNone is that time while the CA is known not to say when to renew.
	infoNone = 10 * time.Minute
)

// infoState is when to ask about the certificate of a name, and which CA.
type infoState struct {
	fingerprint string // of the certificate that was asked about last
	next        time.Time
	failures    int  // consecutive requests without a window
	candidate   int  // if the issuer is unknown: counts the CAs that did not know the certificate
	held        bool // no attempt may begin, because its item is written
}

var errNoInfo = errors.New("the CA has no renewalInfo")

// readFurther reads what the acme package does not of a CA's directory: the URL below
// which it says when to renew, "" if it has none, and what it says of dns-persist-01.
func (c *client) readFurther(ctx context.Context) (renewalInfo string, meta directoryMeta, err error) {
	var directory struct {
		RenewalInfo string        `json:"renewalInfo"`
		Meta        directoryMeta `json:"meta"`
	}
	_, err = c.getJSON(ctx, c.DirectoryURL, &directory)
	return directory.RenewalInfo, directory.Meta, err
}

// getJSON reads a resource that needs no account.
func (c *client) getJSON(ctx context.Context, url string, to any) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", c.UserAgent)
	response, err := c.HTTPClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return response.Header, &acme.Error{StatusCode: response.StatusCode, Detail: http.StatusText(response.StatusCode), Header: response.Header}
	}
	return response.Header, json.Unmarshal(text, to)
}

// window asks when a certificate, in DER, is to be renewed, and returns after which
// time to ask again.
func (c *client) window(ctx context.Context, der []byte) (w *gatelodge.RenewalWindow, why string, again time.Duration, err error) {
	if c.renewalInfo == "" {
		return nil, "", 0, errNoInfo
	}
	id, err := renewalID(der)
	if err != nil {
		return nil, "", 0, err
	}
	address, err := url.JoinPath(c.renewalInfo, id)
	if err != nil {
		return nil, "", 0, err
	}
	var info struct {
		Window         gatelodge.RenewalWindow `json:"suggestedWindow"`
		ExplanationURL string                  `json:"explanationURL"`
	}
	header, err := c.getJSON(ctx, address, &info)
	if err != nil {
		return nil, "", 0, err
	}
	if !info.Window.Start.Before(info.Window.End) {
		return nil, "", 0, fmt.Errorf("the CA names a renewal window that ends at %v and begins at %v", info.Window.End, info.Window.Start)
	}
	again = infoWait
	if asked, ok := retryAfterIn(header, time.Now()); ok {
		again = min(max(asked, infoLeast), infoMost)
	}
	return &info.Window, oneLine(info.ExplanationURL), again, nil
}

// followRenewalInfo asks until ctx ends.
func (t *term) followRenewalInfo(ctx context.Context) {
	timer := time.NewTimer(settleTime) // for Run to list what there is
	defer timer.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait := infoPause
		if err := t.askAll(ctx); err != nil && ctx.Err() == nil {
			failures++
			wait = backOff(failures, authorityWait, authorityFactor, authorityMost)
			t.config.Log.Info("can't keep when to renew certificates", "error", err, "again in", wait.Round(time.Second))
		} else {
			failures = 0
		}
		if t.namesNoWindows() {
			wait = max(wait, infoNone)
		}
		timer.Reset(wait)
	}
}

// askAll asks about every certificate for which it is time. It fails if the Store does.
func (t *term) askAll(ctx context.Context) error {
	issuing := t.table.Load().issuing
	if issuing == nil || issuing.Lacking != "" || t.namesNoWindows() {
		return nil
	}
	for _, sharing := range t.toAsk(time.Now()) {
		a := t.issuerOf(sharing[0])
		if a == nil {
			continue
		}
		again, err := t.ask(ctx, a, sharing)
		var store storeError
		if errors.As(err, &store) || ctx.Err() != nil {
			return err
		}
		t.asked(a, sharing, again, err)
	}
	return nil
}

// ask asks a CA when to renew a certificate, and keeps the answer. It returns after
// which time to ask again.
func (t *term) ask(ctx context.Context, a *authority, sharing []*gatelodge.Issuance) (again time.Duration, err error) {
	c, err := t.clientFor(ctx, a)
	if err != nil {
		return 0, err
	}
	w, why, again, err := c.window(ctx, sharing[0].Certificate.KeyPair.Certificate[0])
	if err != nil {
		return 0, err
	}
	done, err := t.keepWindow(ctx, sharing, w, why)
	if !done {
		again = 0 // an attempt is in progress
	}
	return again, err
}

// asked notes when to ask about a certificate again. If the CA failed, it is asked about
// no other until a time that grows with its failures; other CAs are.
func (t *term) asked(a *authority, sharing []*gatelodge.Issuance, again time.Duration, err error) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	var problem *acme.Error
	fails := err != nil && (isAuthorityError(err) || errors.As(err, &problem) && problem.StatusCode == http.StatusTooManyRequests)
	log := t.config.Log.With("directory", a.account.Directory, "name", string(sharing[0].Name))
	if fails {
		a.infoFailures++
		a.infoPause = now.Add(max(backOff(a.infoFailures, authorityWait, authorityFactor, authorityMost), min(retryAfter(err, now), infoMost)))
		log.Info("can't ask the CA when to renew certificates", "error", messageOf(err), "again", a.infoPause)
	} else if a.infoFailures = 0; err != nil { // of another CA, or forgotten by this one: the window that is known stays
		log.Debug("the CA does not say when to renew a certificate", "reason", messageOf(err))
	}
	for _, i := range sharing {
		s := t.names[i.Key()]
		if s == nil {
			continue
		}
		if s.info.failures++; err == nil {
			s.info.failures = 0
		} else if again = infoWait; fails {
			again = backOff(s.info.failures, authorityWait, nameFactor, infoWait)
		}
		if err != nil && i.Directory == "" {
			if s.info.candidate++; s.info.candidate%len(t.authorities) != 0 {
				again = 0 // the next CA may know it
			}
		}
		s.info.fingerprint, s.info.next = i.Certificate.Fingerprint, now.Add(again)
	}
}

// issuerOf returns the CA to ask about a certificate, nil if none can be asked now. If
// the issuer is unknown, the CAs take turns until one knows the certificate.
func (t *term) issuerOf(i *gatelodge.Issuance) *authority {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, now := t.authorityOf(i.Directory), time.Now()
	if s := t.names[i.Key()]; s != nil && i.Directory == "" && len(t.authorities) > 0 {
		a = t.authorities[s.info.candidate%len(t.authorities)]
	}
	if a == nil || a.pause.After(now) || a.infoPause.After(now) {
		return nil
	}
	return a
}

// namesNoWindows reports whether it is known that no CA says when to renew.
func (t *term) namesNoWindows() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.authorities {
		if a.client == nil || a.client.renewalInfo != "" {
			return false
		}
	}
	return len(t.authorities) > 0
}

// toAsk lists the certificates for which it is time to ask, each with all that share it.
func (t *term) toAsk(now time.Time) map[string][]*gatelodge.Issuance {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make(map[string][]*gatelodge.Issuance) // by the fingerprint
	for _, s := range t.names {
		i := s.issuance
		if i == nil || i.Certificate == nil || len(i.Askers) == 0 || i.Late || s.turn != nil {
			continue
		}
		if s.info.fingerprint != i.Certificate.Fingerprint || !s.info.next.After(now) {
			list[i.Certificate.Fingerprint] = append(list[i.Certificate.Fingerprint], i)
		}
	}
	return list
}

// keepWindow stores the window of a certificate for all that share it, unless they
// have it or an attempt is in progress, which writes the same items. No attempt begins
// before all have it, because they are to be renewed together.
func (t *term) keepWindow(ctx context.Context, sharing []*gatelodge.Issuance, w *gatelodge.RenewalWindow, why string) (done bool, err error) {
	same := func(i *gatelodge.Issuance) bool {
		return i.Window != nil && w.Start.Equal(i.Window.Start) && w.End.Equal(i.Window.End)
	}
	if !slices.ContainsFunc(sharing, func(i *gatelodge.Issuance) bool { return !same(i) }) {
		return true, nil
	}
	if !t.hold(sharing) {
		return false, nil
	}
	defer t.letGo(sharing)
	for _, i := range sharing {
		if same(i) {
			continue
		}
		k, err := t.load(ctx, i.Key())
		if err != nil {
			return false, err
		}
		if !k.setWindow(i, w) {
			return false, nil // the Snapshot is older than the Store
		}
		if err := t.save(ctx, k); err != nil {
			return false, err
		}
	}
	issuance := sharing[0]
	log := t.config.Log.With("name", string(issuance.Name), "from", w.Start.UTC(), "to", w.End.UTC())
	if why != "" {
		log = log.With("because", why)
	}
	if RenewAt(issuance.Certificate, w).Before(time.Now()) {
		log.Warn("the CA wants a certificate to be renewed at once")
	} else {
		log.Debug("the CA says when to renew a certificate")
	}
	return true, nil
}

// setWindow sets the window of the certificate in force, and reports whether that is
// still the one to be replaced.
func (k *issuanceItem) setWindow(i *gatelodge.Issuance, w *gatelodge.RenewalWindow) bool {
	if i.Elsewhere {
		k.Elsewhere = &gatelodge.OtherWindow{RenewalWindow: *w, Fingerprint: i.Certificate.Fingerprint}
		leaf := leafOf(k.Chain)
		return leaf == nil || !leaf.NotBefore.After(i.Certificate.NotBefore)
	}
	k.Window = w
	id, _ := renewalID(i.Certificate.KeyPair.Certificate[0]) // "" with an error
	return k.version != "" && id == replacedID(k.Chain)
}

// hold keeps attempts from beginning, unless one is in progress.
func (t *term) hold(sharing []*gatelodge.Issuance) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, i := range sharing {
		if s := t.names[i.Key()]; s == nil || s.turn != nil || s.issuance != i {
			return false
		}
	}
	for _, i := range sharing {
		s := t.names[i.Key()]
		t.queue.remove(s)
		s.info.held = true
	}
	return true
}

// letGo ends hold.
func (t *term) letGo(sharing []*gatelodge.Issuance) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, i := range sharing {
		s := t.names[i.Key()]
		s.info.held = false
		t.schedule(i.Key())
	}
	t.finished.Raise() // for Run to look at what has been queued
}
