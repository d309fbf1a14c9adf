package compile

import (
	"crypto/x509"

	gatelodge "gatelodge.dev"
)

// kindsOf says of which kinds of keys the two certificates for a name are to be, in
// the order of gatelodge.KeysOf, "" for one that is not asked for. One that is there
// stays where it is, so that another order in the configuration costs none.
func (n *issuing) kindsOf(name gatelodge.Name, asked gatelodge.KeyTypes) gatelodge.KeyTypes {
	var has [2]x509.PublicKeyAlgorithm // the zero is that of no certificate
	for at, key := range gatelodge.KeysOf(name) {
		if item := n.stored.byKey.Get(key); item != nil && item.certificate != nil {
			has[at] = item.certificate.Algorithm
		}
	}
	return placeKinds(asked, has)
}

// placeKinds is kindsOf with the algorithms of the certificates that are there.
func placeKinds(asked gatelodge.KeyTypes, has [2]x509.PublicKeyAlgorithm) gatelodge.KeyTypes {
	exchanged := gatelodge.KeyTypes{asked[1], asked[0]}
	first := asked[0].Algorithm()
	switch {
	case asked[1] != "" && (has[0] == asked[1].Algorithm() || has[0] == 0 && has[1] == first),
		asked[1] == "" && has[1] != 0 && (has[0] == 0 || has[0] != first && has[1] == first):
		return exchanged
	}
	return asked
}
