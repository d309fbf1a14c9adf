// Package state contains what a gateway keeps on disk or adds to another Source: the
// objects that were served last, a Store in a folder, stored items as objects, the
// addresses of ExternalName Services, and the pace of changes.
//
// Its sources wrap others, and must not depend on which.
package state
