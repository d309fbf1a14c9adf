package syntax

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const maxOrigins = 256

// isOrigin is for what ingress-nginx takes for an origin.
var isOrigin = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z]+://(\*\.)?[A-Za-z0-9-.]+(:[0-9]{1,5})?|null)$`)
})

// ReadOrigins reads origins separated by commas, of which "*" is any. It returns those
// that are ones, sorted, whatever stands beside them.
func ReadOrigins(value string) (origins []string, all bool, err error) {
	for item := range strings.SplitSeq(value, ",") {
		switch item = strings.TrimSpace(item); {
		case item == "*":
			return nil, true, err
		case item == "":
		case !isOrigin().MatchString(item):
			err = fmt.Errorf("holds %.60q, which is not an origin", item)
		case len(origins) == maxOrigins:
			err = fmt.Errorf("holds more than %d origins", maxOrigins)
		default:
			origins = append(origins, strings.ToLower(item))
		}
	}
	slices.Sort(origins)
	return slices.Compact(origins), false, err
}
