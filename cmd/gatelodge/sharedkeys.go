package main

import (
	"context"
	"sync"
	"time"

	gatelodge "gatelodge.dev"
)

// How long a key is in use. A ticket, or a cookie, is good for as long again at
// most.
const (
	ticketPeriod = 12 * time.Hour // RFC 5077 §5.5 wants keys of tickets to change, for what they protect can be read with them
	cookiePeriod = 24 * time.Hour // of cookies, which are good for an hour
)

// shareKeys has the gateway take its keys of session tickets and DNS cookies
// from store, where the other replicas find them, and its own next process.
func (g *gateway) shareKeys(store gatelodge.Store) {
	g.keys = []*gatelodge.SharedKeys{
		{Store: store, Item: "tickets", Period: ticketPeriod, Use: g.certificates.UseTicketKeys, Log: g.log},
		{Store: store, Item: "dns-cookie", Period: cookiePeriod, Use: g.dns.UseCookieKeys, Log: g.log},
	}
}

// followKeys uses the keys that are shared, until ctx ends. Without them a
// gateway serves as well; only its clients' sessions are its own.
func (g *gateway) followKeys(ctx context.Context) error {
	var following sync.WaitGroup
	for _, keys := range g.keys {
		following.Go(func() {
			if err := keys.Follow(ctx); err != nil {
				g.log.Error("keys are not shared", "error", err)
			}
		})
	}
	following.Wait()
	return nil
}

// leadKeys makes and renews the keys until ctx ends. One replica does so.
func (g *gateway) leadKeys(ctx context.Context) {
	var leading sync.WaitGroup
	for _, keys := range g.keys {
		leading.Go(func() { keys.Lead(ctx) })
	}
	leading.Wait()
}
