package issuer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// With dns-persist-01 (draft-ietf-acme-dns-persist) the zones publish a record that is
// the same for every order, so it stands there before an order is placed, and nothing
// has to be awaited. The other types of challenge remain for names where it does not
// stand everywhere yet, and for CAs that do not offer this one.

// persistentPause is for how long a name is validated in other ways after a CA has not
// accepted its persistent record.
const persistentPause = 24 * time.Hour

// directoryMeta is what a CA's directory says of dns-persist-01. Only the draft -02
// has these fields.
type directoryMeta struct {
	IssuerDomainNames []string `json:"issuerDomainNames"`
	AccountHashPrefix string   `json:"accountHashPrefix"`
}

// persistentText returns what persistent records say for an account, "" if the CA does
// not say by which name they call it. That name is one of a challenge's, too: in the
// draft -02 by its §3.2, and before it at Boulder and Pebble, which accept the names
// that CAA records call them by.
func persistentText(meta directoryMeta, identities []string, account string, key crypto.PublicKey) string {
	names, uri := identities, account
	if meta.AccountHashPrefix != "" {
		thumbprint, err := acme.JWKThumbprint(key)
		if err != nil {
			return ""
		}
		// The "*" in place of the name has the text be the same for all names (§4.1).
		sum := sha256.Sum256([]byte("\x01*" + thumbprint + account))
		names = identitiesOf(meta.IssuerDomainNames)
		uri = meta.AccountHashPrefix + "sha-256/" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if len(names) == 0 {
		return ""
	}
	text := names[0] + "; accounturi=" + uri
	if !gatelodge.IsPersistentText(text) {
		return ""
	}
	return text
}

// typesFor returns the types of challenge by which a name can be validated, the first
// to be tried first.
func (t *term) typesFor(ctx context.Context, c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance) ([]gatelodge.ChallengeType, error) {
	types := issuance.Challenges
	if t.hasPersistentRecord(ctx, c, issuing, issuance) {
		types = append([]gatelodge.ChallengeType{gatelodge.DNSPersist01}, types...)
	}
	return t.permitted(ctx, c, issuing, issuance.Name, types)
}

// hasPersistentRecord reports whether every name server of the zone serves the record
// by which the account proves control of a name. What this process has published for
// servedTime, all replicas serve.
func (t *term) hasPersistentRecord(ctx context.Context, c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance) bool {
	if !c.account.Persistent || c.known.Persistent == "" || !slices.Contains(issuance.Challenges, gatelodge.DNS01) {
		return false
	}
	since, paused := t.persistentSince(issuance.Key())
	if paused || time.Since(latest(since, c.announced)) < servedTime {
		return false
	}
	record := gatelodge.PersistentRecord(c.known.Persistent, issuance.Name)
	if !t.table.Load().serves(record) {
		return false
	}
	limited, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	return t.awaitSecondaries(limited, issuing, issuance, record.Name, gatelodge.PersistentText(c.known.Persistent, issuance.Name), t.config.Log)
}

// persistentSince returns since when a name has asked for a certificate without a
// break, as far as this term knows, and whether its persistent record was refused.
func (t *term) persistentSince(key gatelodge.IssuanceKey) (since time.Time, paused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.names[key]
	return s.asked, time.Now().Before(s.unproven)
}

// pausePersistent has a name be validated in other ways, after the CA has not accepted
// its persistent record.
func (t *term) pausePersistent(key gatelodge.IssuanceKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names[key].unproven = time.Now().Add(persistentPause)
}

// serves reports whether a record is in all views that have its zone.
func (t table) serves(record gatelodge.Record) (served bool) {
	for _, view := range t.views {
		var zone *gatelodge.Zone // the one that has the name, of several the lowest
		for _, z := range view.Zones {
			if record.Name.Within(z.Name) && (zone == nil || len(z.Name) > len(zone.Name)) {
				zone = z
			}
		}
		if zone == nil {
			continue
		}
		node := zone.Nodes.Get(record.Name)
		served = node != nil && slices.ContainsFunc(node.Records, func(r gatelodge.Record) bool {
			return r.Type == record.Type && r.Data == record.Data
		})
		if !served {
			return false
		}
	}
	return served
}
