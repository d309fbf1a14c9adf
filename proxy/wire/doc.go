// Package wire is what the wire engines have in common: the rules for what may
// stand in a message whatever version of HTTP carries it (methods, targets,
// fields, lengths, statuses), and the small tools for connections (buffers,
// deadlines, the Date field).
//
// A rule stands here once, so that a request that one engine refuses does not
// get past another. The package knows the exchange and nothing of framing: how
// messages are delimited is what http1 and http2 differ in.
package wire
