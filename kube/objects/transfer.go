package objects

import (
	"net/netip"

	gatelodge "gatelodge.dev"
)

// TransferConfig is the setting of who may transfer a zone. The zero TransferConfig
// allows no client.
type TransferConfig struct {
	Secret     Key                      // its entries have keys in the form of syntax.ParseTransferKeys …
	Keys       []*gatelodge.TransferKey // … and those of the configuration's own file
	Networks   []netip.Prefix           // of clients; empty: all
	Notify     []netip.AddrPort
	RequireTLS bool
}

// Allowed reports whether any client may transfer the zone.
func (c *TransferConfig) Allowed() bool { return c.Secret.Name != "" || len(c.Keys) > 0 }

// CatalogConfig is a zone that lists those that may be transferred (RFC 9432).
type CatalogConfig struct {
	Name     gatelodge.Name // "": there is none
	Views    []string
	Transfer TransferConfig
}

// TransferSecrets returns the Secrets of keys.
func (c *Config) TransferSecrets() []Key {
	var secrets []Key
	if c.Catalog.Transfer.Secret.Name != "" {
		secrets = append(secrets, c.Catalog.Transfer.Secret)
	}
	for i := range c.Zones {
		if secret := c.Zones[i].Transfer.Secret; secret.Name != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}
