package gatelodge

import (
	"strings"
	"time"
)

// PersistentLabel begins the name at which a CA looks for a record of the challenge
// dns-persist-01 (draft-ietf-acme-dns-persist).
const PersistentLabel = "_validation-persist"

// persistentTTL is short, because a record may have to change before the next order.
const persistentTTL = 5 * time.Second

const wildcardPolicy = "; policy=wildcard"

// PersistentText returns the text of the record by which an account proves control of
// a name whenever its CA asks. account is KnownAccount.Persistent.
func PersistentText(account string, name Name) string {
	if name.IsWildcard() {
		return account + wildcardPolicy
	}
	return account
}

// PersistentRecord returns that record. A wildcard has it at the name below it. Its
// name may be longer than MaxNameLength.
func PersistentRecord(account string, name Name) Record {
	text := PersistentText(account, name)
	if name.IsWildcard() {
		name = name.Parent()
	}
	return Record{Name: PersistentLabel + "." + name, Type: "TXT", TTL: persistentTTL, Data: `"` + text + `"`}
}

// IsPersistentText reports whether text can be KnownAccount.Persistent: in every
// record it is one character string, which needs no escaping.
func IsPersistentText(text string) bool {
	return len(text)+len(wildcardPolicy) <= 255 && !strings.ContainsFunc(text, func(c rune) bool {
		return c != ' ' && c != ';' && isNoParameter(c)
	})
}
