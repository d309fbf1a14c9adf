// Package deploy embeds the example manifests and their configuration, which
// "gatelodge demo" serves. It knows nothing of the program; the folder's other
// files install it.
package deploy

import "embed"

// Files holds example/, the manifests that "gatelodge demo" serves, and
// gateway.yaml, the configuration that goes with them.
//
//go:embed example gateway.yaml
var Files embed.FS
