package gatelodge

import (
	"fmt"
	"slices"
	"time"
)

// HealthCheck says how the gateway checks that the endpoints of a Backend work.
type HealthCheck struct {
	Kind     CheckKind
	Path     string        // requested by CheckHTTP
	Service  string        // the service that CheckGRPC asks about; "": the whole server
	Interval time.Duration // from the end of one check to the next
	Timeout  time.Duration // of one check
}

// CheckKind is the kind of a HealthCheck.
type CheckKind uint8

// The kinds of checks.
const (
	CheckNone CheckKind = iota
	CheckHTTP           // GET, expecting a status from 200 to 399
	CheckGRPC           // the grpc.health.v1 protocol
	CheckTCP            // opening a connection
)

// checkKinds are the kinds as written in annotations.
var checkKinds = [...]string{CheckNone: "off", CheckHTTP: "http", CheckGRPC: "grpc", CheckTCP: "tcp"}

// ParseCheckKind parses a kind as written in an annotation.
func ParseCheckKind(s string) (kind CheckKind, ok bool) {
	i := slices.Index(checkKinds[:], s)
	return CheckKind(max(i, 0)), i >= 0
}

// String returns the kind as written in an annotation.
func (k CheckKind) String() string { return checkKinds[k] }

// String describes the check, after a space. It returns "" for CheckNone.
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
