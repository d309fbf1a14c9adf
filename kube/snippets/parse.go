package snippets

import (
	"fmt"
	"strings"
)

// The bounds of a snippet.
const (
	maxText       = 32 << 10 // octets
	maxDepth      = 6        // of blocks in blocks
	maxDirectives = 256
	maxWords      = 64 // of a directive
)

// Directive is a directive with its arguments and its block.
type Directive struct {
	Name     string
	Args     []string // with quotes and escapes taken away
	Block    []*Directive
	HasBlock bool
	At       Position
}

// Parse reads the text of a snippet. An error begins with the position.
func Parse(text string) ([]*Directive, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("has %d octets, the most is %d", len(text), maxText)
	}
	p := &parser{lexer: newLexer(text)}
	return p.block(0)
}

type parser struct {
	*lexer
	directives int
}

// block reads directives up to the end of the block, or of the text at depth 0.
func (p *parser) block(depth int) ([]*Directive, error) {
	var list []*Directive
	for {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case tokenEnd:
			if depth > 0 {
				return nil, fmt.Errorf("%s: a block has no closing brace", t.at)
			}
			return list, nil
		case tokenClose:
			if depth == 0 {
				return nil, fmt.Errorf("%s: a closing brace has no opening one", t.at)
			}
			return list, nil
		case tokenStop, tokenOpen:
			return nil, fmt.Errorf("%s: a directive is expected", t.at)
		case tokenWord:
		}
		if p.directives++; p.directives > maxDirectives {
			return nil, fmt.Errorf("%s: there are more than %d directives", t.at, maxDirectives)
		}
		d := &Directive{Name: t.text, At: t.at}
		if err := p.directive(d, depth); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
}

// directive reads what follows the name of a directive.
func (p *parser) directive(d *Directive, depth int) error {
	for {
		t, err := p.next()
		if err != nil {
			return err
		}
		switch t.kind {
		case tokenWord:
			if len(d.Args) == maxWords {
				return fmt.Errorf("%s: %.40s has more than %d arguments", t.at, d.Name, maxWords)
			}
			d.Args = append(d.Args, t.text)
		case tokenStop:
			return nil
		case tokenOpen:
			if depth == maxDepth {
				return fmt.Errorf("%s: blocks are nested more than %d deep", t.at, maxDepth)
			}
			d.HasBlock = true
			if strings.HasSuffix(d.Name, "_by_lua_block") {
				return p.skipLua()
			}
			d.Block, err = p.block(depth + 1)
			return err
		case tokenClose, tokenEnd:
			return fmt.Errorf("%s: %.40s does not end with a semicolon", d.At, d.Name)
		}
	}
}
