package gatelodge

import (
	"fmt"
	"strings"
)

// Mirror sends copies of requests to a further Backend. Its answers are dropped, and
// whatever happens there has no effect on the requests.
type Mirror struct {
	Backend BackendKey // of a Backend in the same Snapshot
	Host    string     // the Host field that it gets
	Path    string     // goes before the client's path, or is the path if Fixed
	Fixed   bool
	Body    bool    // of the requests too; one that is large is not mirrored then
	Share   float64 // of the requests, from 0 to 1, at random
}

// String lists what is mirrored where.
func (m *Mirror) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s host=%q", m.Backend, m.Host)
	if m.Fixed {
		fmt.Fprintf(&b, " path=%q", m.Path)
	} else if m.Path != "" {
		fmt.Fprintf(&b, " prefix=%q", m.Path)
	}
	if !m.Body {
		b.WriteString(" without-body")
	}
	if m.Share < 1 {
		fmt.Fprintf(&b, " share=%g%%", m.Share*100)
	}
	return b.String()
}
