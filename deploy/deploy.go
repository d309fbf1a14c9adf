// Package deploy carries what installs and shows Gatelodge: example manifests,
// and the configuration that goes with them.
package deploy

import "embed"

// Files holds example/, the manifests that "gatelodge demo" serves, and
// gateway.yaml, the configuration that goes with them.
//
//go:embed example gateway.yaml
var Files embed.FS
