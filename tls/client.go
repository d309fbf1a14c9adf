package tls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"gatelodge.dev"
)

// clientTrust is a gatelodge.ClientTrust as handshakes ask it.
type clientTrust struct {
	source      *gatelodge.ClientTrust
	authorities *x509.CertPool
	revocations map[string][]revocations // by the raw certificate of the authority that says so; nil: nobody says
}

// revocations is one CRL.
type revocations struct {
	nextUpdate time.Time       // zero: it does not say
	serials    map[string]bool // by the bytes of the serial number
}

func newClientTrust(source *gatelodge.ClientTrust) *clientTrust {
	t := &clientTrust{source: source, authorities: x509.NewCertPool()}
	for _, authority := range source.Authorities {
		t.authorities.AddCert(authority)
	}
	if len(source.Revocations) == 0 {
		return t
	}
	t.revocations = make(map[string][]revocations)
	for _, crl := range source.Revocations {
		list := revocations{nextUpdate: crl.NextUpdate, serials: make(map[string]bool, len(crl.RevokedCertificateEntries))}
		for i := range crl.RevokedCertificateEntries {
			list.serials[string(crl.RevokedCertificateEntries[i].SerialNumber.Bytes())] = true
		}
		for _, authority := range source.Authorities {
			if string(authority.RawSubject) == string(crl.RawIssuer) && crl.CheckSignatureFrom(authority) == nil {
				t.revocations[string(authority.Raw)] = append(t.revocations[string(authority.Raw)], list)
			}
		}
	}
	return t
}

// apply makes config ask for a certificate, and puts the one that comes into
// h. A handshake never fails for lack of a good one: a browser would show an
// error that says nothing, where an answer to the request can say what is
// missing. crypto/tls has made sure that the client holds the key.
func (t *clientTrust) apply(config *tls.Config, h *gatelodge.Handshake) {
	config.ClientAuth = tls.RequestClientCert
	config.ClientCAs = t.authorities // tells the client which of its certificates to show
	if h == nil {
		return
	}
	h.ClientTrust = t.source.Key
	// It is called for resumed sessions too, so a certificate that was revoked
	// or has expired since is refused there as well.
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) > 0 {
			h.Client = t.judge(state.PeerCertificates, time.Now())
		}
		return nil
	}
}

// judge says what is to be thought of a client's certificate, the first of
// shown; the others may help to build a chain.
func (t *clientTrust) judge(shown []*x509.Certificate, now time.Time) *gatelodge.ClientCertificate {
	leaf := shown[0]
	client := &gatelodge.ClientCertificate{
		Leaf:    leaf,
		Subject: distinguishedName(leaf.RawSubject),
		Issuer:  distinguishedName(leaf.RawIssuer),
	}
	if err := t.verify(shown, now); err != nil {
		client.Failure, client.Stranger = err.Error(), errors.Is(err, errUnknownAuthority)
	}
	return client
}

// verify looks for a chain to an authority that is short enough and has nothing
// revoked in it (RFC 5280 §6).
func (t *clientTrust) verify(shown []*x509.Certificate, now time.Time) error {
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{
		Roots:         t.authorities,
		Intermediates: between,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return plainly(err)
	}
	err = errChainTooLong
	for _, chain := range chains {
		if len(chain)-2 > t.source.Depth { // without the client's own and the authority's
			continue
		}
		if err = t.unrevoked(chain, now); err == nil {
			return nil
		}
	}
	return err
}

// What a certificate is refused for, in the words of the backends' header.
var (
	errChainTooLong     = errors.New("certificate chain too long")
	errUnknownAuthority = errors.New("unable to verify the first certificate")
	errExpired          = errors.New("certificate has expired or is not yet valid")
	errNotForClients    = errors.New("unsuitable certificate purpose")
	errInvalid          = errors.New("invalid certificate chain")
	errNoCRL            = errors.New("unable to get certificate CRL")
	errCRLExpired       = errors.New("CRL has expired")
	errRevoked          = errors.New("certificate revoked")
)

// plainly drops what the client chose of an error's text, which goes into a
// header.
func plainly(err error) error {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return errUnknownAuthority
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return errExpired
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return errNotForClients
	}
	return errInvalid
}

// unrevoked asks each authority of a chain, the trusted one last, about the
// certificate before it. Once there are CRLs at all, no word about one is a no:
// who adds an authority must not forget its CRL unnoticed.
func (t *clientTrust) unrevoked(chain []*x509.Certificate, now time.Time) error {
	if t.revocations == nil {
		return nil
	}
	for i, authority := range chain[1:] {
		lists := t.revocations[string(authority.Raw)]
		if len(lists) == 0 {
			return errNoCRL
		}
		for _, list := range lists {
			switch {
			case list.serials[string(chain[i].SerialNumber.Bytes())]:
				return errRevoked
			case !list.nextUpdate.IsZero() && !now.Before(list.nextUpdate):
				return errCRLExpired
			}
		}
	}
	return nil
}
