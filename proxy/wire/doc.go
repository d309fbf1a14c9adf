// Package wire contains what the wire engines have in common: the rules for the parts
// of a message in every version of HTTP (methods, targets, fields, lengths, statuses),
// and small tools for connections (buffers, deadlines, the Date field).
//
// Each rule exists once, so that all engines refuse the same requests. The package uses
// the exchange and contains no framing: http1 and http2 differ in how messages are
// delimited.
package wire
