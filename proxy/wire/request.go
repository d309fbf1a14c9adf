package wire

import (
	"fmt"
	"strings"

	"gatelodge.dev/proxy/exchange"
)

// CheckRequest returns an error for a request that the endpoint would read differently.
// The engine that read it checks that too; this is the last place where request
// splitting can be stopped.
func CheckRequest(ex *exchange.Exchange) error {
	switch {
	case !IsToken(ex.Method):
		return fmt.Errorf("method %q is not a token", ex.Method)
	case ex.Path == "" || ex.Path[0] != '/' && ex.Path != "*" || !IsVisible(ex.Path) || !IsVisible(ex.Query):
		return fmt.Errorf("path %q or query %q can't be written in a request line", ex.Path, ex.Query)
	case !IsVisible(ex.Authority):
		return fmt.Errorf("authority %q can't be written in a field", ex.Authority)
	case ex.Upgrade != "" && !IsProtocol(ex.Upgrade):
		return fmt.Errorf("protocol %q can't be asked for", ex.Upgrade)
	}
	return CheckFields(ex.Header)
}

// IsProtocol reports whether s is one protocol of an Upgrade field: a token, or
// two with a slash between them.
func IsProtocol(s string) bool {
	name, version, several := strings.Cut(s, "/")
	return IsToken(name) && (!several || IsToken(version))
}
