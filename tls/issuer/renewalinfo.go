package issuer

import (
	"context"
	"encoding/json"
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
	infoWait  = 6 * time.Hour // where it does not say
	infoLeast = time.Minute
	infoMost  = 24 * time.Hour
	// infoPause is the time between two looks at what is to be asked.
	infoPause = 15 * time.Second
	// infoNone is that time while the CA is known not to say when to renew.
	infoNone = 10 * time.Minute
)

// infoState is when to ask about the certificate of a name.
type infoState struct {
	fingerprint string // of the certificate that was asked about last
	next        time.Time
	held        bool // no attempt may begin, because its item is written
}

// findRenewalInfo looks for the URL below which the CA says when to renew, "" if
// it has none.
func (c *client) findRenewalInfo(ctx context.Context) (string, error) {
	var directory struct {
		RenewalInfo string `json:"renewalInfo"`
	}
	_, err := c.getJSON(ctx, c.DirectoryURL, &directory)
	return directory.RenewalInfo, err
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
	id, err := renewalID(der)
	if err != nil {
		return nil, "", infoMost, err
	}
	address, err := url.JoinPath(c.renewalInfo, id)
	if err != nil {
		return nil, "", infoMost, err
	}
	var info struct {
		Window         gatelodge.RenewalWindow `json:"suggestedWindow"`
		ExplanationURL string                  `json:"explanationURL"`
	}
	header, err := c.getJSON(ctx, address, &info)
	again = infoWait
	if asked := retryAfter(&acme.Error{Header: header}, time.Now()); asked > 0 {
		again = min(max(asked, infoLeast), infoMost)
	}
	if err != nil {
		return nil, "", again, err
	}
	if !info.Window.Start.Before(info.Window.End) {
		return nil, "", again, fmt.Errorf("the CA names a renewal window that ends at %v and begins at %v", info.Window.End, info.Window.Start)
	}
	return &info.Window, oneLine(info.ExplanationURL), again, nil
}

// followRenewalInfo asks until ctx ends.
func (t *term) followRenewalInfo(ctx context.Context) {
	timer := time.NewTimer(0)
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
			t.config.Log.Info("can't ask the CA when to renew certificates", "error", messageOf(err), "again in", wait.Round(time.Second))
		} else {
			failures = 0
		}
		if t.namesNoWindows() {
			wait = max(wait, infoNone)
		}
		timer.Reset(wait)
	}
}

// askAll asks about every certificate for which it is time. It fails if the CA or
// the Store does, and goes on after what is about one certificate alone.
func (t *term) askAll(ctx context.Context) error {
	issuing := t.table.Load().issuing
	if issuing == nil || issuing.Lacking != "" || t.namesNoWindows() {
		return nil
	}
	asked := t.toAsk(time.Now())
	if len(asked) == 0 {
		return nil
	}
	for _, sharing := range asked {
		issuance := sharing[0]
		a := t.issuerOf(issuance)
		if a == nil {
			continue // it fails
		}
		c, err := t.clientFor(ctx, a)
		if err != nil {
			return err
		}
		if c.renewalInfo == "" {
			continue
		}
		w, why, again, err := c.window(ctx, issuance.Certificate.KeyPair.Certificate[0])
		if err != nil && isAuthorityError(err) || ctx.Err() != nil {
			return err
		}
		if err != nil { // of another CA, or one that has forgotten it: the window that is known stays
			t.config.Log.Debug("the CA does not say when to renew a certificate", "name", string(issuance.Name), "reason", messageOf(err))
		} else if done, err := t.keepWindow(ctx, sharing, w, why); err != nil {
			return err
		} else if !done {
			continue // an attempt is in progress; it is asked again
		}
		t.mu.Lock()
		for _, i := range sharing {
			if s := t.names[i.Key()]; s != nil {
				s.info.fingerprint, s.info.next = i.Certificate.Fingerprint, time.Now().Add(again)
			}
		}
		t.mu.Unlock()
	}
	return nil
}

// issuerOf returns the CA that issued a certificate, as far as it is known, nil if it
// can't be asked now.
func (t *term) issuerOf(i *gatelodge.Issuance) *authority {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.authorityOf(i.Directory)
	if a == nil && i.Directory == "" && len(t.authorities) > 0 {
		a = t.authorities[0]
	}
	if a == nil || a.pause.After(time.Now()) {
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
