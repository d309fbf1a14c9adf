// Package e2e tests Gatelodge from outside: through the real binary, over real
// sockets, with clients that know nothing of its code. It is a module of its
// own, so that what tests need is not what the product depends on.
package e2e
