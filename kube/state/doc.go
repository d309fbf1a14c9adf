// Package state is what a gateway keeps on disk or adds to another Source: the
// objects that were served last, a Store in a folder, what is stored as objects,
// the addresses of ExternalName Services, and the pace at which changes come.
//
// Its sources stand around others and must not know which.
package state
