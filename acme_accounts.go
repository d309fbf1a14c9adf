package gatelodge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// AccountsItem is the Store item with what zones publish about our CAs and
// accounts. It holds no key.
const AccountsItem = "acme-accounts"

// AccountsPart is a part of AccountsItem and of no other item.
const AccountsPart = "accounts"

// Names of the items that hold an account's key; there is one for each CA and external account.
const (
	AccountPrefix  = "acme-account-" // prefix of the item names
	AccountKeyPart = "key"           // PEM, PKCS #8
)

// Item returns the name of the item that holds the account's key.
func (a *Account) Item() string {
	sum := sha256.Sum256([]byte(a.Directory + "\n" + a.BindingID))
	return AccountPrefix + hex.EncodeToString(sum[:6])
}

// KnownAccount is a registered account, with the identities of its CA.
type KnownAccount struct {
	Directory  string   `json:"directory"`            // URL (RFC 8555 §7.1.1)
	URL        string   `json:"url"`                  // account URL (RFC 8555 §7.1.2)
	Identities []string `json:"identities"`           // issuer domain names of the CA in CAA records, in lower case; empty: the CA does not say
	Persistent string   `json:"persistent,omitempty"` // text of records for dns-persist-01, see PersistentText; "": the CA does not say its name
}

// EncodeAccounts returns the parts of AccountsItem.
func EncodeAccounts(accounts []KnownAccount) (map[string][]byte, error) {
	text, err := json.Marshal(accounts)
	return map[string][]byte{AccountsPart: text}, err
}

// DecodeAccounts reads what EncodeAccounts returned. It rejects values that could
// not be written into a CAA record (RFC 8659 §4.2).
func DecodeAccounts(parts map[string][]byte) ([]KnownAccount, error) {
	var accounts []KnownAccount
	if text := parts[AccountsPart]; len(text) > 0 {
		if err := json.Unmarshal(text, &accounts); err != nil {
			return nil, fmt.Errorf("part %s: %w", AccountsPart, err)
		}
	}
	for _, a := range accounts {
		if u, err := url.Parse(a.URL); err != nil || u.Host == "" || strings.ContainsFunc(a.URL, isNoParameter) {
			return nil, fmt.Errorf("%.60q is not a valid URL of an account", a.URL)
		}
		if !IsPersistentText(a.Persistent) {
			return nil, fmt.Errorf("%.60q is not a valid text of a persistent record", a.Persistent)
		}
		for _, identity := range a.Identities {
			if name, err := ParseName(identity); err != nil || name.IsWildcard() || strings.Contains(identity, "_") {
				return nil, fmt.Errorf("%.60q is not a valid name of a CA", identity)
			}
		}
	}
	return accounts, nil
}

// isNoParameter reports whether c ends the value of a CAA parameter, or needs
// quoting in a zone file.
func isNoParameter(c rune) bool { return c < 0x21 || c > 0x7E || strings.ContainsRune(`;"\`, c) }
