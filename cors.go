package gatelodge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CORS lets scripts of other origins read responses (Fetch standard, "HTTP-CORS
// protocol"). The gateway answers preflight requests itself.
type CORS struct {
	AnyOrigin   bool
	Origins     []string // in lower case, sorted; one with "*." before its name is for every single label there
	Credentials bool
	Methods     string // field values, as they are sent
	Headers     string
	Expose      string // "": none
	MaxAge      time.Duration
}

// Allows reports whether scripts of an origin may read responses. Schemes and names
// are compared without regard to case.
func (c *CORS) Allows(origin string) bool {
	if c.AnyOrigin {
		return true
	}
	origin = strings.ToLower(origin)
	if _, found := slices.BinarySearch(c.Origins, origin); found {
		return !strings.Contains(origin, "*")
	}
	scheme, name, _ := strings.Cut(origin, "://")
	label, parent, _ := strings.Cut(name, ".")
	if label == "" || strings.Trim(label, "-0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		return false
	}
	_, found := slices.BinarySearch(c.Origins, scheme+"://*."+parent)
	return found
}

// String lists what is allowed.
func (c *CORS) String() string {
	origins := strings.Join(c.Origins, ",")
	if c.AnyOrigin {
		origins = "*"
	}
	return fmt.Sprintf(" cors=%q credentials=%t methods=%q headers=%q expose=%q max-age=%s", origins, c.Credentials, c.Methods, c.Headers, c.Expose, c.MaxAge)
}
