package syntax

import (
	"errors"
	"fmt"
	"regexp/syntax"
)

// Bounds of an expression: of its text, and of its characters and classes when
// all repetitions are written out, which is what memory it takes follows from.
const (
	maxExpression     = 1024
	maxExpressionSize = 10_000
)

// expressionSize counts what an expression is made of, up to more than the bound.
func expressionSize(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, part := range re.Sub {
		size += expressionSize(part)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return min(size, maxExpressionSize+1)
}

// CheckExpression returns the size of an expression, or why it is not taken.
func CheckExpression(value string) (size int, err error) {
	if len(value) > maxExpression {
		return 0, fmt.Errorf("has %d octets, the most is %d", len(value), maxExpression)
	}
	parsed, err := syntax.Parse(value, syntax.Perl)
	if err != nil {
		return 0, errors.New("is not a valid regular expression (RE2)")
	}
	if size = expressionSize(parsed); size > maxExpressionSize {
		return 0, errors.New("is too large a regular expression when its repetitions are written out")
	}
	return size, nil
}
