package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

const (
	// batchSize limits the challenge responses that a bundle has served at a time: all of
	// them are in one item of the Store.
	batchSize = 25
	// batchTime limits how long their validation may take.
	batchTime = 5 * time.Minute
)

// pendingAuthorization is one that the CA is to validate.
type pendingAuthorization struct {
	*member
	url       string
	challenge *acme.Challenge
	response  gatelodge.Challenge
}

// authorizeAll completes the authorizations of an order, many at a time. It adds to
// refused the names that the CA could not validate, and goes on to find all of them.
func (b *bundle) authorizeAll(ctx context.Context, urls []string, refused map[*member]error) error {
	for batch := range slices.Chunk(urls, batchSize) {
		pending, err := b.pendingOf(ctx, batch, refused)
		if err == nil && len(pending) > 0 {
			err = b.authorizeBatch(ctx, pending, refused)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pendingOf fetches authorizations, and makes the responses for those that are not
// completed yet.
func (b *bundle) pendingOf(ctx context.Context, urls []string, refused map[*member]error) (pending []pendingAuthorization, err error) {
	for _, url := range urls {
		authorization, err := b.client.GetAuthorization(ctx, url)
		if err != nil {
			return nil, err
		}
		name := gatelodge.Name(authorization.Identifier.Value)
		if authorization.Wildcard {
			name = "*." + name
		}
		at := slices.IndexFunc(b.members, func(m *member) bool { return m.issuance.Name == name })
		switch {
		case authorization.Status == acme.StatusValid:
			continue
		case at < 0:
			// The next leader has it as one that got its certificate, or the CA is wrong.
			return nil, orderOver{fmt.Errorf("the CA asks to authorize %s, which was not ordered", name)}
		}
		m := b.members[at]
		if authorization.Status != acme.StatusPending {
			if _, err := b.client.WaitAuthorization(ctx, url); err != nil { // it returns why an invalid one failed
				if err = refuse(m, err, refused); err != nil {
					return nil, err
				}
			}
			continue
		}
		challenge := challengeOfType(authorization.Challenges, m.types[0])
		if challenge == nil {
			refused[m] = fmt.Errorf("the CA offers no challenge of type %s for %s", m.types[0], name)
			continue
		}
		response, err := b.client.respond(authorization, challenge)
		if err != nil {
			return nil, err
		}
		m.types = m.types[max(0, slices.Index(m.types, response.Type)):]
		pending = append(pending, pendingAuthorization{m, url, challenge, response})
	}
	return pending, nil
}

// refuse adds a name to refused if that is what an error is about; otherwise it returns
// the error.
func refuse(m *member, err error, refused map[*member]error) error {
	var failed *acme.AuthorizationError
	if !errors.As(err, &failed) {
		return err
	}
	refused[m] = err
	return nil
}

// authorizeBatch has the responses served, and the CA validate them.
func (b *bundle) authorizeBatch(ctx context.Context, pending []pendingAuthorization, refused map[*member]error) error {
	var responses []gatelodge.Challenge
	for _, p := range pending {
		if p.response.Type != gatelodge.DNSPersist01 {
			responses = append(responses, p.response)
		}
	}
	if len(responses) > 0 {
		served, err := b.challenges.publish(ctx, responses...)
		if err != nil {
			return err
		}
		b.awaitAllServed(ctx, pending, served)
	}
	limited, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	for _, p := range pending {
		if p.challenge.Status != acme.StatusPending { // the previous leader accepted it
			continue
		}
		err := b.client.accept(limited, p.url, p.challenge)
		if err = refuse(p.member, err, refused); err != nil {
			var problem *acme.Error
			if limit, _ := refusedByLimit(err, time.Now()); !errors.As(err, &problem) || isAuthorityError(err) || limit != "" {
				return err
			}
			refused[p.member] = err
		}
	}
	for _, p := range pending {
		if refused[p.member] != nil {
			continue
		}
		_, err := b.client.WaitAuthorization(limited, p.url)
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			if err = b.lateOne(ctx, p); err != nil {
				refused[p.member] = err
			}
			continue
		}
		if err != nil {
			if err := refuse(p.member, err, refused); err != nil {
				return err // the CA may still validate the challenges
			}
		}
	}
	if err := b.challenges.withdraw(ctx, responses...); err != nil {
		b.config.Log.Warn("can't withdraw old challenge responses yet", "error", err)
	}
	return nil
}

// lateOne returns an error if the CA has not validated a name in time.
func (b *bundle) lateOne(ctx context.Context, p pendingAuthorization) error {
	authorization, err := b.client.GetAuthorization(ctx, p.url)
	if err != nil || authorization.Status != acme.StatusValid {
		return fmt.Errorf("the CA did not validate %s within %s", p.response.Name, batchTime)
	}
	return nil
}

// awaitAllServed is awaitServed for several responses.
func (b *bundle) awaitAllServed(ctx context.Context, pending []pendingAuthorization, served func(string) bool) {
	limited, cancel := context.WithTimeout(ctx, servedTime)
	defer cancel()
	log := b.config.Log.With("first", string(pending[0].response.Name), "names", len(pending))
	b.awaitReplicas(limited, served, log)
	var waiting sync.WaitGroup
	for _, p := range pending {
		if p.response.Type == gatelodge.DNS01 {
			waiting.Go(func() {
				b.awaitSecondaries(limited, b.issuing, p.issuance, "_acme-challenge."+p.response.Name, p.response.Response, log)
			})
		}
	}
	waiting.Wait()
}
