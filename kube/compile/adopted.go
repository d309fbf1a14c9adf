package compile

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/adopt"
	"gatelodge.dev/kube/objects"
)

// adoptAccount sets the configured key of the first account. While the key is missing,
// nothing is ordered unless an account is known already, because an account registered
// meanwhile would stay.
func (n *issuing) adoptAccount() {
	account, name := &n.root.Account, n.cfg.ACME.AccountSecret
	if account.AdoptedKey = n.cfg.ACME.Adopted.AccountKey; name.Name == "" {
		return
	}
	key, reason, message := adopt.AccountSecret(name, n.secrets[len(n.secrets)-1])
	account.AdoptedKey = key
	known := slices.ContainsFunc(n.stored.Accounts.List, func(a gatelodge.KnownAccount) bool { return a.Directory == account.Directory })
	if message != "" && !known {
		n.root.Lacking = message
		n.problems = append(n.problems, gatelodge.Problem{Object: objects.ConfigObject("acme.adopt.accountSecret"), Reason: reason, Message: message})
	}
}
