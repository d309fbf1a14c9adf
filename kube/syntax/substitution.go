package syntax

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	gatelodge "gatelodge.dev"
)

// Bounds of a substitution: of each of its texts in octets, and of the parts that
// it puts in.
const (
	maxSubstitution      = 1 << 10
	maxSubstitutionParts = 16
)

// ReadSubstitution reads what nginx's proxy_redirect, proxy_cookie_domain and
// proxy_cookie_path take: a text or, behind "~" or "~*", a regular expression, and
// what is put in its place. With anyCase an expression never heeds the case of
// letters.
func ReadSubstitution(from, to string, anyCase bool) (*gatelodge.Substitution, error) {
	for _, text := range []string{from, to} {
		switch {
		case len(text) > maxSubstitution:
			return nil, fmt.Errorf("has %d octets, the most is %d", len(text), maxSubstitution)
		case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ';' || c == '"' }):
			return nil, errors.New("holds a character that no URL has")
		}
	}
	if expression, found := strings.CutPrefix(from, "~"); found {
		if insensitive, found := strings.CutPrefix(expression, "*"); found {
			expression, anyCase = insensitive, true
		}
		return patternSubstitution(expression, to, anyCase)
	}
	if from == "" {
		return nil, errors.New("is empty")
	}
	return &gatelodge.Substitution{From: from, To: []gatelodge.RewritePart{{Text: to}}}, nil
}

func patternSubstitution(expression, to string, anyCase bool) (*gatelodge.Substitution, error) {
	if anyCase {
		expression = "(?i)" + expression
	}
	if _, err := CheckExpression(expression); err != nil {
		return nil, err
	}
	pattern, err := regexp.Compile(expression)
	if err != nil {
		return nil, errors.New("is not a valid regular expression (RE2)")
	}
	parts, err := rewriteParts(to)
	if err != nil {
		return nil, err
	}
	if len(parts) > maxSubstitutionParts {
		return nil, fmt.Errorf("has %d parts, the most is %d", len(parts), maxSubstitutionParts)
	}
	for _, part := range parts {
		if part.Group > pattern.NumSubexp() {
			return nil, fmt.Errorf("holds $%d, and the expression has %d groups", part.Group, pattern.NumSubexp())
		}
	}
	return &gatelodge.Substitution{Pattern: pattern, To: parts}, nil
}

// ReadPair reads two texts of a substitution; nil for "off".
func ReadPair(value string, anyCase bool) (*gatelodge.Substitution, error) {
	words := strings.Fields(value)
	switch {
	case value == "off":
		return nil, nil
	case len(words) != 2:
		return nil, errors.New("does not have two words")
	}
	return ReadSubstitution(words[0], words[1], anyCase)
}
