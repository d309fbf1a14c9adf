package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// servedTime is how long to wait until a challenge response is served
// everywhere. A CA that validates too early counts a failure, so it is worth
// waiting for a replica that does not report what it serves, but not forever.
const servedTime = 60 * time.Second

// authorize completes an authorization with the type of challenge that an order is for
// (RFC 8555 §7.5.1), which it sets to the one that the CA offers in its place.
func (t *term) authorize(ctx context.Context, c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, url string, stored *storedOrder) error {
	authorization, err := c.GetAuthorization(ctx, url)
	if err != nil {
		return err
	}
	if authorization.Status != acme.StatusPending {
		_, err = c.WaitAuthorization(ctx, url) // it returns why an invalid one failed
		return err
	}
	challenge := challengeOfType(authorization.Challenges, stored.Type)
	if challenge == nil {
		return orderOver{fmt.Errorf("the CA offers no challenge of type %s for %s", stored.Type, authorization.Identifier.Value)}
	}
	stored.Type = gatelodge.ChallengeType(challenge.Type)
	response, err := c.respond(authorization, challenge)
	if err != nil {
		return err
	}
	served, err := t.challenges.publish(ctx, response)
	if err != nil {
		return err
	}
	if challenge.Status == acme.StatusPending { // otherwise the previous leader accepted it
		if response.Type != gatelodge.DNSPersist01 {
			t.awaitServed(ctx, issuing, issuance, response, served)
		}
		err = c.accept(ctx, url, challenge)
	}
	if err == nil {
		_, err = c.WaitAuthorization(ctx, url)
	}
	var refused *acme.AuthorizationError
	if err == nil || errors.As(err, &refused) {
		if err := t.challenges.withdraw(ctx, response); err != nil {
			t.config.Log.Warn("can't withdraw an old challenge response yet", "name", string(response.Name), "error", err)
		}
	}
	return err // after any other error the CA may still validate the challenge
}

// How often a CA is told to validate a challenge that it leaves pending, and the waits
// between: each is a multiple of the previous one.
const (
	acceptTries                          = 3
	acceptWait, acceptFactor, acceptMost = 2 * time.Second, 4, time.Minute
)

// accept tells the CA to validate a challenge. It is no error if the CA has
// already done so, because its reply to an earlier request may have been lost.
//
// Some CAs, as step-ca, validate while they answer. If they could not connect or found
// no record, they leave the challenge pending with an error, until they are told again
// (RFC 8555 §8.2).
func (c *client) accept(ctx context.Context, url string, challenge *acme.Challenge) error {
	for try := 1; ; try++ {
		answer, err := c.Accept(ctx, challenge)
		if err != nil {
			authorization, again := c.GetAuthorization(ctx, url)
			if again == nil && authorization.Status != acme.StatusPending {
				return nil
			}
			return err
		}
		if answer.Status != acme.StatusPending || answer.Error == nil {
			return nil
		}
		if try == acceptTries {
			return &acme.AuthorizationError{URI: url, Errors: []error{answer.Error}}
		}
		select {
		case <-time.After(backOff(try, acceptWait, acceptFactor, acceptMost)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// challengeOfType returns the challenge of a type, nil if the CA does not offer it. In
// place of one of dns-persist-01 it may be one of dns-01.
func challengeOfType(challenges []*acme.Challenge, by gatelodge.ChallengeType) *acme.Challenge {
	for _, c := range challenges {
		if c.Type == string(by) {
			return c
		}
	}
	if by == gatelodge.DNSPersist01 {
		return challengeOfType(challenges, gatelodge.DNS01)
	}
	return nil
}

// respond makes the response to a challenge.
func (c *client) respond(authorization *acme.Authorization, challenge *acme.Challenge) (gatelodge.Challenge, error) {
	name, err := gatelodge.ParseName(authorization.Identifier.Value)
	if err != nil {
		return gatelodge.Challenge{}, err
	}
	response := gatelodge.Challenge{Type: gatelodge.ChallengeType(challenge.Type), Name: name, Token: challenge.Token}
	switch response.Type {
	case gatelodge.DNS01:
		response.Response, err = c.DNS01ChallengeRecord(challenge.Token)
	case gatelodge.HTTP01:
		response.Response, err = c.HTTP01ChallengeResponse(challenge.Token)
	case gatelodge.TLSALPN01:
		certificate, makeErr := c.TLSALPN01ChallengeCert(challenge.Token, string(name))
		response.Certificate, err = &certificate, makeErr
	}
	return response, err
}

// awaitServed waits until every replica serves a challenge response and, for
// dns-01, the other name servers of the zone do, but for servedTime at most.
func (t *term) awaitServed(ctx context.Context, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance, response gatelodge.Challenge, served func(string) bool) {
	limited, cancel := context.WithTimeout(ctx, servedTime)
	defer cancel()
	log := t.config.Log.With("name", string(response.Name), "challenge", string(response.Type))
	t.awaitReplicas(limited, served, log)
	if response.Type == gatelodge.DNS01 {
		t.awaitSecondaries(limited, issuing, issuance, "_acme-challenge."+response.Name, response.Response, log)
	}
}

// awaitReplicas waits until every replica serves what served is about, or ctx ends.
func (t *term) awaitReplicas(ctx context.Context, served func(string) bool, log *slog.Logger) {
	wait := t.servedHere
	if t.config.Served != nil {
		wait = t.config.Served
	}
	if err := wait(ctx, served); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		log.Warn("not all replicas report that they serve a challenge response, continuing", "error", err)
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
