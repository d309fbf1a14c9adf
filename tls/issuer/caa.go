package issuer

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatelodge.dev"
	"gatelodge.dev/tls/caa"
)

const (
	// caaTime limits the look for the CAA records of a name. What takes longer
	// forbids nothing.
	caaTime = 15 * time.Second
	// caaMost is how long a name waits at most that CAA records forbid: the CA was
	// not asked, and a look costs little.
	caaMost = 10 * time.Minute
	// announceTime is how long the records that let a new account issue may take to
	// be served here.
	announceTime = 10 * time.Second
)

// caaForbids is the error of an order that CAA records forbid.
type caaForbids struct{ error }

// permitted returns the types of challenge by which CAA records let the CA issue for
// a name (RFC 8659, RFC 8657). A CA that does not say by which names records call it,
// as private ones, looks for none.
func (t *term) permitted(ctx context.Context, c *client, issuing *gatelodge.Issuing, name gatelodge.Name, types []gatelodge.ChallengeType) ([]gatelodge.ChallengeType, error) {
	if len(c.identities) == 0 {
		return types, nil
	}
	for {
		news := t.news()
		permitted, err := t.permittedNow(ctx, c, issuing, name, types)
		var forbids caaForbids
		wait := time.Until(c.announced.Add(announceTime))
		if !errors.As(err, &forbids) || wait <= 0 {
			return permitted, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-news:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

func (t *term) permittedNow(ctx context.Context, c *client, issuing *gatelodge.Issuing, name gatelodge.Name, types []gatelodge.ChallengeType) ([]gatelodge.ChallengeType, error) {
	limited, cancel := context.WithTimeout(ctx, caaTime)
	defer cancel()
	records, err := t.caa.Find(limited, issuing.Resolvers, name)
	if err != nil {
		if ctx.Err() == nil {
			t.config.Log.Warn("can't look for CAA records, ordering all the same: the CA looks itself", "name", string(name), "error", err)
		}
		return types, ctx.Err()
	}
	why := ""
	permitted := slices.DeleteFunc(slices.Clone(types), func(by gatelodge.ChallengeType) bool {
		forbidden := caa.Forbidden(records, caa.Request{
			Identities: c.identities, Account: string(c.KID), Method: string(by), Wildcard: name.IsWildcard(),
		})
		if why == "" {
			why = forbidden
		}
		return forbidden != ""
	})
	if len(permitted) == 0 {
		return nil, caaForbids{errors.New(why)}
	}
	return permitted, nil
}

// Forbidden returns for how many names CAA records forbid what is to be ordered. Only
// the leader knows.
func (i *Issuer) Forbidden() (n int) {
	i.mu.Lock()
	t := i.term
	i.mu.Unlock()
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, state := range t.names {
		if state.forbidden && state.issuance != nil {
			n++
		}
	}
	return n
}

// announce stores what is public of an account, for the zones to publish CAA records
// that let it issue.
func (t *term) announce(ctx context.Context, c *client) error {
	item, err := t.config.Store.Get(ctx, gatelodge.AccountsItem)
	if err != nil && !errors.Is(err, gatelodge.ErrNotFound) {
		return storeError{err}
	}
	known := gatelodge.KnownAccount{
		Directory: c.account.Directory, URL: string(c.KID), Identities: c.identities,
		Persistent: persistentText(c.meta, c.identities, string(c.KID), c.Key.Public()),
	}
	c.known = known
	same := func(a gatelodge.KnownAccount) bool { return reflect.DeepEqual(a, known) }
	// An item that can't be read is replaced.
	accounts, err := gatelodge.DecodeAccounts(item.Data)
	if err == nil && slices.ContainsFunc(accounts, same) {
		return nil
	}
	accounts = slices.DeleteFunc(accounts, func(a gatelodge.KnownAccount) bool { return err != nil || a.Directory == known.Directory })
	accounts = append(accounts, known)
	slices.SortFunc(accounts, func(a, b gatelodge.KnownAccount) int { return strings.Compare(a.Directory, b.Directory) })
	if item.Data, err = gatelodge.EncodeAccounts(accounts); err != nil {
		return err
	}
	if _, err := gatelodge.DecodeAccounts(item.Data); err != nil {
		t.config.Log.Warn("the zones can't publish records for an account", "error", err)
		return nil
	}
	if _, err := t.config.Store.Put(ctx, gatelodge.AccountsItem, item); err != nil {
		return storeError{err}
	}
	c.announced = time.Now()
	return nil
}

// identitiesOf returns the names by which CAA records call a CA, as its directory
// says (RFC 8555 §7.1.1).
func identitiesOf(names []string) (identities []string) {
	for _, name := range names {
		identities = append(identities, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	return identities
}
