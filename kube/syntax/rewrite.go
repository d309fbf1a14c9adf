package syntax

import (
	"errors"
	"fmt"
	"strings"

	gatelodge "gatelodge.dev"
)

// maxRewrite bounds what a rewrite makes a path of, in octets.
const maxRewrite = 2 << 10

// ReadRewrite reads the target of a rewrite: a path with groups, and perhaps a query.
func ReadRewrite(value string) (*gatelodge.Rewrite, error) {
	if len(value) > maxRewrite {
		return nil, fmt.Errorf("has %d octets, the most is %d", len(value), maxRewrite)
	}
	if !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "$") {
		return nil, errors.New("is not a path")
	}
	if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' || c == '#' }) {
		return nil, errors.New("holds a character that no path may have")
	}
	path, query, asks := strings.Cut(value, "?")
	w := new(gatelodge.Rewrite)
	var err error
	if w.Path, err = rewriteParts(path); err != nil {
		return nil, err
	}
	if asks {
		query, w.DropQuery = strings.CutSuffix("?"+query, "?")
		if query, found := strings.CutPrefix(query, "?"); found {
			if w.Query, err = rewriteParts(query); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// rewriteParts reads text in which $1 to $9, also as ${1}, are groups.
func rewriteParts(text string) (parts []gatelodge.RewritePart, err error) {
	for {
		literal, after, found := strings.Cut(text, "$")
		if literal != "" {
			parts = append(parts, gatelodge.RewritePart{Text: literal})
		}
		if !found {
			return parts, nil
		}
		digit, rest := after, ""
		if inside, closed := strings.CutPrefix(after, "{"); closed {
			digit, rest, _ = strings.Cut(inside, "}")
		} else if after != "" {
			digit, rest = after[:1], after[1:]
		}
		if len(digit) != 1 || digit[0] < '1' || digit[0] > '9' {
			return nil, fmt.Errorf("holds $%.20s, where only the groups $1 to $9 are known", after)
		}
		parts = append(parts, gatelodge.RewritePart{Group: int(digit[0] - '0')})
		text = rest
	}
}
