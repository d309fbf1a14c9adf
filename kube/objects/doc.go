// Package objects contains what was read of Kubernetes at one time, and nothing derived
// from it: the Objects of all kinds, the Config that applies to them, and the Source
// that returns them. Follow decides when a change of a source is built.
//
// It uses the API's types. It must not depend on their meaning for what is served: that
// begins in package intent.
package objects
