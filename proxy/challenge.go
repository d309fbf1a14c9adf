package proxy

import (
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// challengePath is the prefix of the paths of http-01 challenges (RFC 8555 §8.3).
const challengePath = "/.well-known/acme-challenge/"

// challengeProtocol is the ALPN protocol of tls-alpn-01 challenges (RFC 8737 §3),
// which package tls responds to.
const challengeProtocol = "acme-tls/1"

// challengeKey identifies a challenge response.
type challengeKey struct {
	name  gatelodge.Name
	token string
}

// challenges returns the responses to http-01 challenges; nil when there are
// none.
func challenges(list []gatelodge.Challenge) map[challengeKey]string {
	var responses map[challengeKey]string
	for _, c := range list {
		if c.Type != gatelodge.HTTP01 {
			continue
		}
		if responses == nil {
			responses = make(map[challengeKey]string)
		}
		responses[challengeKey{c.Name, c.Token}] = c.Response
	}
	return responses
}

// challenge returns our response to an http-01 challenge, for any name that is not kept
// from the client's view, and without a redirect. A request with another token goes to the backend, which
// may order certificates itself.
func (r *request) challenge() *answer {
	if len(r.table.challenges) == 0 {
		return nil
	}
	token, found := strings.CutPrefix(r.path, challengePath)
	if !found {
		return nil
	}
	response, found := r.table.challenges[challengeKey{r.name, token}]
	if h := r.table.host(r.name); !found || h != nil && h.source.In(r.x.Conn.View) == nil {
		return nil
	}
	return &answer{
		status: 200, reason: "ACME challenge", text: response,
		fields: exchange.Fields{{Name: "cache-control", Value: "no-store"}},
	}
}
