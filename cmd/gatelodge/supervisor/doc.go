// Package supervisor keeps the sockets of a gateway open while its process is
// replaced. The supervisor is a process of the same program that starts the gateway
// as its child. The child opens its sockets itself and hands the supervisor copies
// of them. When it dies, the next child is given them, so that connections wait in
// the kernel's queue, and queries in the socket's buffer, instead of being refused.
//
// The package must not depend on the purpose or the configuration of a socket. It opens
// none and reads nothing from any, so that it has no reason to die itself.
//
// The two communicate over a pair of Unix sockets (message): the child requests the
// sockets of a name, hands over those that it opened, and reports that it serves. A
// child accepts from a socket only after it has requested it, so connections wait until
// the child can answer them.
package supervisor

import "time"

// How the supervisor deals with children that die.
const (
	// settled is how long a child must have served to be considered sound: only those
	// that died earlier count towards most.
	settled = time.Minute
	// most is how many children in a row may die before they are settled. The
	// supervisor then ends with the exit code of the last one, for the kubelet or
	// service manager that started it.
	most = 5
	// firstPause is the wait before the second of them is replaced; it doubles with
	// each. The first is replaced at once.
	firstPause = 100 * time.Millisecond
	// longest is how long sockets are kept without a process that serves them. After
	// that it is better to refuse clients than to let them wait.
	longest = 10 * time.Second
)
