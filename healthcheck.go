package gatelodge

import (
	"fmt"
	"slices"
	"time"
)

// HealthCheck says how the endpoints of a Backend are asked whether they work.
type HealthCheck struct {
	Kind     CheckKind
	Path     string        // that CheckHTTP requests
	Service  string        // that CheckGRPC asks about; "": the whole server
	Interval time.Duration // from the end of one check to the next
	Timeout  time.Duration // of one check
}

// CheckKind is what a HealthCheck does.
type CheckKind uint8

// The kinds of checks.
const (
	CheckNone CheckKind = iota
	CheckHTTP           // a GET that is answered by a status from 200 to 399
	CheckGRPC           // the protocol of grpc.health.v1
	CheckTCP            // a connection
)

// checkKinds is the kinds as they are written, each at its place.
var checkKinds = [...]string{CheckNone: "off", CheckHTTP: "http", CheckGRPC: "grpc", CheckTCP: "tcp"}

// ParseCheckKind reads a kind as it is written.
func ParseCheckKind(s string) (kind CheckKind, ok bool) {
	i := slices.Index(checkKinds[:], s)
	return CheckKind(max(i, 0)), i >= 0
}

// String returns the kind as it is written.
func (k CheckKind) String() string { return checkKinds[k] }

// String describes the check, after a space; a check of no kind is "".
func (h HealthCheck) String() string {
	what := h.Kind.String()
	switch h.Kind {
	case CheckNone:
		return ""
	case CheckHTTP:
		what += ":" + h.Path
	case CheckGRPC:
		what += ":" + h.Service
	}
	return fmt.Sprintf(" check=%q every %s within %s", what, h.Interval, h.Timeout)
}
