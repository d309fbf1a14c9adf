package proxy

import (
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// challengePath is below what an ACME CA asks for the proof of a name (RFC 8555
// §8.3).
const challengePath = "/.well-known/acme-challenge/"

// challengeProtocol is what a CA negotiates that proves a name by a handshake
// (RFC 8737 §3), which package tls answers.
const challengeProtocol = "acme-tls/1"

// challengeKey is what an answer to a CA is found by.
type challengeKey struct {
	name  gatelodge.Name
	token string
}

// challenges finds the answers that CAs wait for; nil when there are none.
func challenges(list []gatelodge.Challenge) map[challengeKey]string {
	var answers map[challengeKey]string
	for _, c := range list {
		if c.Type != gatelodge.HTTP01 {
			continue
		}
		if answers == nil {
			answers = make(map[challengeKey]string)
		}
		answers[challengeKey{c.Name, c.Token}] = c.Response
	}
	return answers
}

// challenge answers a CA, whatever is served under the name, and before anybody
// is redirected. A token that is not ours is the backend's: who else proves
// names answers there.
func (r *request) challenge() *answer {
	if len(r.table.challenges) == 0 {
		return nil
	}
	token, found := strings.CutPrefix(r.path, challengePath)
	if !found {
		return nil
	}
	response, found := r.table.challenges[challengeKey{r.name, token}]
	if !found {
		return nil
	}
	return &answer{
		status: 200, reason: "ACME challenge", text: response,
		fields: exchange.Fields{{Name: "cache-control", Value: "no-store"}},
	}
}
