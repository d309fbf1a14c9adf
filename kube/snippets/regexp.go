package snippets

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gatelodge.dev/kube/syntax"
)

// maxPatterns bounds the expressions of a snippet together, in what they are made of.
const maxPatterns = 10_000

// beyondRE2 is what nginx's regular expressions (PCRE) have and ours (RE2) have not,
// because the time that it takes has no bound.
var beyondRE2 = []struct{ mark, name string }{
	{"(?=", "a look-ahead (?=…)"}, {"(?!", "a negative look-ahead (?!…)"},
	{"(?<=", "a look-behind (?<=…)"}, {"(?<!", "a negative look-behind (?<!…)"},
	{"(?>", "an atomic group (?>…)"}, {"(?|", "a branch reset (?|…)"}, {"(?(", "a conditional group (?(…)…)"}, {"(?R)", "a recursion (?R)"},
	{"*+", "a possessive quantifier"}, {"++", "a possessive quantifier"}, {"?+", "a possessive quantifier"},
	{`\1`, "a back-reference"}, {`\2`, "a back-reference"}, {`\3`, "a back-reference"}, {`\k<`, "a back-reference"},
	{`\K`, `\K`}, {`\h`, `\h`}, {`\R`, `\R`}, {`\G`, `\G`},
}

// pattern reads a regular expression, which with fold takes upper and lower case for
// the same.
func (r *reader) pattern(text string, fold bool) (*regexp.Regexp, error) {
	size, err := syntax.CheckExpression(text)
	if err != nil {
		for _, beyond := range beyondRE2 {
			if strings.Contains(text, beyond.mark) {
				return nil, fmt.Errorf("%.60q has %s, which the regular expressions here (RE2) do not have", text, beyond.name)
			}
		}
		return nil, fmt.Errorf("%.60q %w", text, err)
	}
	if r.patterns += size; r.patterns > maxPatterns {
		return nil, errors.New("makes the regular expressions of the snippet too large together")
	}
	if fold {
		text = "(?i)" + text
	}
	p, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%.60q is not a valid regular expression (RE2)", text)
	}
	for _, name := range p.SubexpNames() {
		if name != "" {
			r.variables[name] = true
		}
	}
	return p, nil
}
