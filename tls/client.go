package tls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"gatelodge.dev"
)

// clientTrust is a gatelodge.ClientTrust compiled for handshakes.
type clientTrust struct {
	source      *gatelodge.ClientTrust
	authorities *x509.CertPool
	revocations map[string][]revocations // by the raw certificate of the authority that signed them; nil: there are no CRLs
}

// revocations is one CRL.
type revocations struct {
	nextUpdate time.Time       // zero: not given
	serials    map[string]bool // the bytes of the serial numbers
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

// apply makes config ask for a certificate, and records in h which one the
// client sent. A missing or untrusted certificate does not fail the handshake:
// a browser would show an error that explains nothing, while the response to
// the request can say what is missing. crypto/tls verifies that the client
// holds the key.
func (t *clientTrust) apply(config *tls.Config, h *gatelodge.Handshake) {
	config.ClientAuth = tls.RequestClientCert
	config.ClientCAs = t.authorities // for the client to choose its certificate by
	if h == nil {
		return
	}
	h.ClientTrust = t.source.Key
	// VerifyConnection is called for resumed sessions too, so a certificate that
	// was revoked or has expired since then is refused there as well.
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) > 0 {
			h.Client = t.check(state.PeerCertificates, time.Now())
		}
		return nil
	}
}

// check describes a client's certificate, the first of shown, and whether it
// can be trusted; the others may help to build a chain.
func (t *clientTrust) check(shown []*x509.Certificate, now time.Time) *gatelodge.ClientCertificate {
	leaf := shown[0]
	client := &gatelodge.ClientCertificate{
		Leaf:    leaf,
		Subject: distinguishedName(leaf.RawSubject),
		Issuer:  distinguishedName(leaf.RawIssuer),
	}
	if err := t.verify(shown, now); err != nil {
		client.Failure, client.UnknownCA = err.Error(), errors.Is(err, errUnknownAuthority)
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
		return withoutClientText(err)
	}
	err = errChainTooLong
	for _, chain := range chains {
		if len(chain)-2 > t.source.Depth { // without the client's own and the authority's
			continue
		}
		if err = t.checkRevocation(chain, now); err == nil {
			return nil
		}
	}
	return err
}

// The reasons to refuse a certificate, as OpenSSL words them: backends read them
// in a header.
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

// withoutClientText returns an error without the text that the client chose: it
// goes into a header.
func withoutClientText(err error) error {
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

// checkRevocation looks up each certificate of a chain in the CRLs of the
// authority that issued it. Once there are any CRLs, an authority without one is
// refused, so that a CRL forgotten for a new authority is noticed.
func (t *clientTrust) checkRevocation(chain []*x509.Certificate, now time.Time) error {
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
