package tls

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// servedTime is for how long to wait until an answer is served everywhere. A CA
// that asks too early holds it against us, so a replica that does not say what
// it serves is worth some patience, but not everybody's certificates.
const servedTime = 60 * time.Second

// prove proves the name of an authorization in one way (RFC 8555 §7.5.1).
func (t *term) prove(ctx context.Context, c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, url string, by gatelodge.ChallengeType) error {
	authorization, err := c.GetAuthorization(ctx, url)
	if err != nil {
		return err
	}
	if authorization.Status != acme.StatusPending {
		_, err = c.WaitAuthorization(ctx, url) // which has its errors
		return err
	}
	challenge := find(authorization.Challenges, by)
	if challenge == nil {
		return orderOver{fmt.Errorf("the CA offers no challenge of type %s for %s", by, authorization.Identifier.Value)}
	}
	answer, err := c.answer(authorization, challenge)
	if err != nil {
		return err
	}
	served, err := t.board.put(ctx, answer)
	if err != nil {
		return err
	}
	if challenge.Status == acme.StatusPending { // or else the leader before accepted it
		t.awaitServed(ctx, issuing, issuance, answer, served)
		if err := c.accept(ctx, url, challenge); err != nil {
			return err
		}
	}
	_, err = c.WaitAuthorization(ctx, url)
	var refused *acme.AuthorizationError
	if err == nil || errors.As(err, &refused) {
		t.takeDown(ctx, answer)
	}
	return err // of any other error the CA knows nothing, and may still look
}

// accept has the CA ask. One that has asked by now, for the answer to an
// attempt before may have been lost, does not take that amiss.
func (c *client) accept(ctx context.Context, url string, challenge *acme.Challenge) error {
	_, err := c.Accept(ctx, challenge)
	if err == nil {
		return nil
	}
	authorization, again := c.GetAuthorization(ctx, url)
	if again == nil && authorization.Status != acme.StatusPending {
		return nil
	}
	return err
}

// takeDown takes an answer down that the CA no longer looks for.
func (t *term) takeDown(ctx context.Context, answer gatelodge.Challenge) {
	if err := t.board.remove(ctx, answer); err != nil {
		t.config.Log.Warn("the answer to a challenge that is over stays for now", "name", string(answer.Name), "error", err)
	}
}

func find(challenges []*acme.Challenge, by gatelodge.ChallengeType) *acme.Challenge {
	for _, c := range challenges {
		if c.Type == string(by) {
			return c
		}
	}
	return nil
}

// answer makes the answer to a challenge.
func (c *client) answer(authorization *acme.Authorization, challenge *acme.Challenge) (gatelodge.Challenge, error) {
	name, err := gatelodge.ParseName(authorization.Identifier.Value)
	if err != nil {
		return gatelodge.Challenge{}, err
	}
	answer := gatelodge.Challenge{Type: gatelodge.ChallengeType(challenge.Type), Name: name, Token: challenge.Token}
	switch answer.Type {
	case gatelodge.DNS01:
		answer.Response, err = c.DNS01ChallengeRecord(challenge.Token)
	case gatelodge.HTTP01:
		answer.Response, err = c.HTTP01ChallengeResponse(challenge.Token)
	case gatelodge.TLSALPN01:
		certificate, makeErr := c.TLSALPN01ChallengeCert(challenge.Token, string(name))
		answer.Certificate, err = &certificate, makeErr
	}
	return answer, err
}

// awaitServed waits until every replica serves an answer and, for a DNS
// challenge, every other name server of the zone does, but not for ever.
func (t *term) awaitServed(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, answer gatelodge.Challenge, served func(string) bool) {
	limited, cancel := context.WithTimeout(ctx, servedTime)
	defer cancel()
	log := t.config.Log.With("name", string(answer.Name), "challenge", string(answer.Type))
	wait := t.servedHere
	if t.config.Served != nil {
		wait = t.config.Served
	}
	if err := wait(limited, served); err != nil && ctx.Err() == nil {
		log.Warn("not every replica is known to serve the answer to a challenge, the CA is asked all the same", "error", err)
	}
	if answer.Type == gatelodge.DNS01 {
		t.awaitSecondaries(limited, issuing, issuance, answer, log)
	}
}

// servedHere waits until this process serves the version.
func (t *term) servedHere(ctx context.Context, served func(string) bool) error {
	for {
		news := t.news()
		if served(t.table.Load().version) {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fingerprint is that of Certificate.Fingerprint.
func fingerprint(leaf *x509.Certificate) string {
	sum := sha256.Sum256(leaf.Raw)
	return hex.EncodeToString(sum[:])
}
