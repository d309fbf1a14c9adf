package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// Holding is the owner of a name. It is immutable.
type Holding struct {
	Namespace string
	Since     time.Time // when it got the name, in whole seconds
	// Guest means that the namespace of the wildcard above shares the name with the
	// owner.
	Guest bool
}

// Holdings contains the owners of names.
type Holdings = gatelodge.Map[gatelodge.Name, *Holding]

// ClaimsItem is the name, after that of the instance, of the Store's item with the
// leader's record of the owners of names that several namespaces claim. In a cluster it
// is the ConfigMap NAME-claims.
const ClaimsItem = "claims"

// ClaimsPart is the item's one part: a line for each name, with the namespace
// and the Unix time since when it has the name. "*" stands for the host of every
// other name.
const ClaimsPart = "claims"

// MaxClaims limits the names in the item, so that it fits a ConfigMap: at most 1 MiB,
// of which a line takes 340 octets at most and usually 60.
const MaxClaims = 3000

// FormatClaims returns the content of the part.
func FormatClaims(h Holdings) []byte {
	var text bytes.Buffer
	for name, holding := range h.All() {
		written := string(name)
		if name == "" {
			written = "*"
		}
		fmt.Fprintf(&text, "%s %s %d", written, holding.Namespace, max(0, holding.Since.Unix()))
		if holding.Guest {
			text.WriteString(" guest")
		}
		text.WriteByte('\n')
	}
	return text.Bytes()
}

// ReadClaims reads the part. An invalid line is ignored, so the age of objects decides
// about its name. Holdings that are the same as in last are the same pointers.
func ReadClaims(text string, last Holdings) Holdings {
	read := Holdings{}.Edit()
	n := 0
	for line := range strings.Lines(text) {
		name, holding, ok := readClaim(line)
		if !ok || n == MaxClaims {
			continue
		}
		n++
		if before := last.Get(name); before != nil && *before == *holding {
			holding = before
		}
		read.Set(name, holding)
	}
	return read.Map()
}

func readClaim(line string) (name gatelodge.Name, h *Holding, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 3 && !(len(fields) == 4 && fields[3] == "guest") {
		return "", nil, false
	}
	if fields[0] != "*" {
		var err error
		if name, err = gatelodge.ParseName(fields[0]); err != nil {
			return "", nil, false
		}
	}
	seconds, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return "", nil, false
	}
	return name, &Holding{Namespace: fields[1], Since: time.Unix(seconds, 0).UTC(), Guest: len(fields) == 4}, true
}

// PutClaims writes the item.
func PutClaims(ctx context.Context, store gatelodge.Store, h Holdings) error {
	if err := putItem(ctx, store, ClaimsItem, map[string][]byte{ClaimsPart: FormatClaims(h)}); err != nil {
		return fmt.Errorf("recording who has which names: %w", err)
	}
	return nil
}

// StoredClaims reads the item; without one nothing is recorded.
func StoredClaims(ctx context.Context, store gatelodge.Store) (Holdings, error) {
	item, err := store.Get(ctx, ClaimsItem)
	if errors.Is(err, gatelodge.ErrNotFound) {
		return Holdings{}, nil
	} else if err != nil {
		return Holdings{}, fmt.Errorf("reading who had which names: %w", err)
	}
	return ReadClaims(string(item.Data[ClaimsPart]), Holdings{}), nil
}
