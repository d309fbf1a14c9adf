package issuer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
)

// directoryTime is after which a CA's directory is read again before a CA is said to
// have no such profile.
const directoryTime = time.Hour

// noProfile is the error of an order for a profile that was asked for and that the CA
// does not have, or not for the account. It is about that certificate alone.
type noProfile struct{ profile, message string }

func (e noProfile) Error() string { return e.message }

// profilesOf lists the profiles that a CA offers, sorted.
func profilesOf(d acme.Directory) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d.Profiles)) {
		names = append(names, string(name))
	}
	return names
}

// profileFor returns the profile of an order (draft-ietf-acme-profiles), "" for the
// CA's choice. A CA that takes over may lack the one that is asked for: then it is
// that of its account.
func (t *term) profileFor(c *client, issuing *gatelodge.Issuing, issuance *gatelodge.Issuance) (string, error) {
	asked := issuance.Profile
	switch {
	case asked == "":
		return c.account.Profile, nil
	case slices.Contains(c.profiles, asked):
		return asked, nil
	case c.account.Directory != issuing.Account.Directory:
		return c.account.Profile, nil
	}
	t.renewClient(c)
	if len(c.profiles) == 0 {
		return "", noProfile{asked, fmt.Sprintf("the CA has no profiles, so none by the name %.40q; ask for none", asked)}
	}
	return "", noProfile{asked, fmt.Sprintf("the CA has no profile %.40q, write one of %s", asked, strings.Join(c.profiles, ", "))}
}

// renewClient has the CA's directory read before the next attempt, if that was done
// long ago.
func (t *term) renewClient(c *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.authorities {
		if a.client == c && time.Since(c.discovered) > directoryTime {
			a.client = nil
		}
	}
}
