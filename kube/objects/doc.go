// Package objects is what was read of Kubernetes at one moment, and nothing that
// was made of it: the Objects of all kinds, the Config by which they are judged,
// and the Source that hands them over. Follow decides when a change of a source
// is built.
//
// It knows the API's types. It must not know what any of them means for what is
// served: that begins in package intent.
package objects
