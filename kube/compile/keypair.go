package compile

import (
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
)

// Bounds of a certificate and its key. A handshake with a larger RSA key takes a
// processor for tens of milliseconds, and a longer chain is sent with each.
const (
	maxRSABits      = 8192
	maxCertificates = 10        // certificates
	maxKeyText      = 16 << 10  // octets of PEM; a key of 8192 bits has less than half of that
	maxChainText    = 128 << 10 // octets of PEM
)

// readKeyPair reads a certificate chain and its key in PEM.
func readKeyPair(chain, key []byte) (*tls.Certificate, error) {
	switch {
	case len(key) > maxKeyText:
		return nil, fmt.Errorf("the key has %d octets, the most is %d", len(key), maxKeyText)
	case len(chain) > maxChainText:
		return nil, fmt.Errorf("the chain has %d octets, the most is %d", len(chain), maxChainText)
	}
	if n := bytes.Count(chain, []byte("-----BEGIN CERTIFICATE-----")); n > maxCertificates {
		return nil, fmt.Errorf("the chain has %d certificates, the most is %d", n, maxCertificates)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, err
	}
	if public, ok := pair.Leaf.PublicKey.(*rsa.PublicKey); ok && public.N.BitLen() > maxRSABits {
		return nil, fmt.Errorf("the RSA key has %d bits, the most is %d", public.N.BitLen(), maxRSABits)
	}
	return &pair, nil
}
