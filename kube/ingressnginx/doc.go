// Package ingressnginx knows how ingress-nginx 1.15 is configured: the flags of its
// controller and the keys of its ConfigMap, and what of each has a counterpart in
// Gatelodge. It reads an installation and translates it, and says of each Ingress
// what will be answered as before.
//
//	settings.go     what a flag or key may become
//	keys_*.go       the keys of the ConfigMap
//	flags.go        the flags of the controller
//	installation.go finds the controller with its ConfigMaps and classes among manifests
//	translate.go    makes configuration and defaults of an installation
//	document.go     writes configuration as YAML with comments
//	report.go       what becomes of each Ingress
//
// What annotations mean is in package annotations. This package must not know how our
// configuration is read: a test of cmd/gatelodge reads what is written here.
package ingressnginx
