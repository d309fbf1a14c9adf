package issuer

import (
	"context"
	"crypto/x509"
)

// maxChains limits the chains that are fetched to choose from.
const maxChains = 8

// chooseChain returns the chain of a certificate, at url, that leads to the issuer
// that is preferred (RFC 8555 §7.4.2), or the CA's own choice, chain: where
// none is preferred, or that one is not offered or can't be fetched. A certificate with
// another chain is better than none.
func (t *term) chooseChain(ctx context.Context, c *client, preferred, url string, chain [][]byte) [][]byte {
	if preferred == "" || topIssuer(chain) == preferred {
		return chain
	}
	log := t.config.Log.With("preferred", preferred, "instead", topIssuer(chain))
	alternates, err := c.ListCertAlternates(ctx, url)
	if err != nil {
		log.Warn("can't ask the CA for other chains", "reason", messageOf(err))
		return chain
	}
	for _, alternate := range alternates[:min(len(alternates), maxChains)] {
		other, err := c.FetchCert(ctx, alternate, true)
		switch {
		case err != nil:
			log.Warn("can't fetch another chain", "url", alternate, "reason", messageOf(err))
		case topIssuer(other) == preferred:
			return other
		}
	}
	log.Warn("the CA offers no chain by the preferred issuer")
	return chain
}

// topIssuer returns the common name of the issuer of a chain's last certificate, ""
// if that can't be read.
func topIssuer(chain [][]byte) string {
	if len(chain) == 0 {
		return ""
	}
	last, err := x509.ParseCertificate(chain[len(chain)-1])
	if err != nil {
		return ""
	}
	return last.Issuer.CommonName
}
