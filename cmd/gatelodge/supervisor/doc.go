// Package supervisor keeps the sockets of a gateway open while its process is
// replaced. The supervisor is a process of the same program that starts the gateway
// as its child. The child opens its sockets itself and hands the supervisor copies
// of them. When it dies, the next child is given them, so that connections wait in
// the kernel's queue, and queries in the socket's buffer, instead of being refused.
//
// The package must not know what a socket is for or how it is configured. It opens
// none and reads nothing from any, so that it has no reason to die itself.
//
// The two speak over a pair of Unix sockets (message): the child asks for the
// sockets of a name, hands over those that it opened, and says that it serves. A
// child that has not asked for a socket does not accept from it, so what arrives
// before it has something to answer waits for that.
package supervisor

import "time"

// How the supervisor deals with children that die.
const (
	// settled is for how long a child must have served to count as sound: only those
	// that died sooner count towards most.
	settled = time.Minute
	// most is how many children in a row may die before they were settled. The
	// supervisor then ends with the exit code of the last one, for the kubelet or
	// service manager that started it.
	most = 5
	// firstPause is the wait before the second of them is replaced; it doubles with
	// each. The first is replaced at once.
	firstPause = 100 * time.Millisecond
	// longest is for how long sockets are kept without a process that serves them.
	// Clients are better off refused than left waiting longer.
	longest = 10 * time.Second
)
