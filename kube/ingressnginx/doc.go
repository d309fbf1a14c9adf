// Package ingressnginx contains the configuration of ingress-nginx 1.15: the flags of
// its controller and the keys of its ConfigMap, with their counterparts in Gatelodge.
// It reads an installation and translates it, and reports for each Ingress what stays
// the same.
//
//	settings.go     what a flag or key may become
//	keys_*.go       the keys of the ConfigMap
//	flags.go        the flags of the controller
//	installation.go finds the controller with its ConfigMaps and classes among manifests
//	translate.go    makes configuration and defaults of an installation
//	document.go     writes configuration as YAML with comments
//	report.go       what becomes of each Ingress
//
// Package annotations has the meaning of annotations. This package must not depend on
// how Gatelodge's configuration is read: a test of cmd/gatelodge reads what is written
// here.
package ingressnginx
