package snippets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
)

func readBreak(_ *reader, _ *Directive, l *level, _ context) error {
	l.steps = append(l.steps, step{SnippetStep: &gatelodge.SnippetBreak{}})
	return nil
}

func readSet(r *reader, d *Directive, l *level, _ context) error {
	name, found := strings.CutPrefix(d.Args[0], "$")
	if !found {
		return insecure{fmt.Errorf("%.60q is not a variable: it does not begin with $", d.Args[0])}
	}
	if _, err := gatelodge.ParseTemplate("$" + name); name != "args" && err == nil {
		return insecure{fmt.Errorf("$%.60s is not honoured: it is nginx's or ingress-nginx's own variable", name)}
	}
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return insecure{fmt.Errorf("%.60q is not a valid name of a variable", d.Args[0])}
	}
	value, err := r.template(d.Args[1])
	if err != nil {
		return insecure{err}
	}
	for _, part := range value {
		if part.Value == gatelodge.LiteralText && !gatelodge.IsFieldText(part.Text) {
			return insecure{errors.New("has a value with a control character")}
		}
	}
	l.steps = append(l.steps, step{SnippetStep: &gatelodge.SnippetSet{Variable: name, Value: value}})
	return nil
}

// maxIfs bounds the blocks of a snippet.
const maxIfs = 64

func readIf(r *reader, d *Directive, l *level, in context) error {
	if r.ifs++; r.ifs > maxIfs {
		return insecure{fmt.Errorf("is one more than the %d that a snippet may have", maxIfs)}
	}
	condition, err := r.condition(d.Args)
	if err != nil {
		return insecure{err}
	}
	inside := &level{}
	if in == inServer {
		in = inServerIf
	} else {
		in = inLocationIf
	}
	r.block(d.Block, inside, in)
	l.steps = append(l.steps, step{SnippetStep: condition, block: inside})
	return nil
}

// condition reads what stands in the parentheses of an if.
func (r *reader) condition(args []string) (*gatelodge.SnippetIf, error) {
	words, err := withoutParentheses(args)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(words[0], "-") || strings.HasPrefix(words[0], "!-") {
		return nil, fmt.Errorf("has the condition %.40s on a file, and there are none", words[0])
	}
	subject, err := r.template(words[0])
	if err != nil {
		return nil, err
	}
	if len(subject) != 1 || subject[0].Value == gatelodge.LiteralText || len(words) == 2 || len(words) > 3 {
		return nil, fmt.Errorf("has the condition %.60q, which is not valid", strings.Join(words, " "))
	}
	c := &gatelodge.SnippetIf{Subject: subject[0]}
	if len(words) == 1 {
		return c, nil
	}
	operator := words[1]
	operator, c.Negated = strings.CutPrefix(operator, "!")
	switch operator {
	case "=":
		if words[1] == "!=" || words[1] == "=" {
			c.Compare = gatelodge.CompareText
			c.Text, err = r.template(words[2])
		}
	case "~", "~*":
		c.Compare = gatelodge.ComparePattern
		c.Pattern, err = r.pattern(words[2], operator == "~*")
	default:
		err = fmt.Errorf("has the condition %.40q, which is not known", words[1])
	}
	return c, err
}

// withoutParentheses takes them off as nginx does: from the first and last words,
// which may be nothing else.
func withoutParentheses(args []string) ([]string, error) {
	invalid := fmt.Errorf("has the condition %.60q, which is not valid", strings.Join(args, " "))
	words := append([]string(nil), args...)
	first, found := strings.CutPrefix(words[0], "(")
	if words[0] = first; !found {
		return nil, invalid
	}
	if first == "" {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil, invalid
	}
	last, found := strings.CutSuffix(words[len(words)-1], ")")
	if words[len(words)-1] = last; !found {
		return nil, invalid
	}
	if last == "" {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return nil, invalid
	}
	return words, nil
}

// isRedirect reports whether nginx answers with a status and a Location.
func isRedirect(status int) bool {
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308
}

// isURL reports whether text is a URL for nginx's return and rewrite.
func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "$scheme")
}

func readReturn(r *reader, d *Directive, l *level, _ context) error {
	answer := &gatelodge.SnippetReturn{Status: 302}
	status, err := strconv.ParseUint(d.Args[0], 10, 16)
	text := d.Args[len(d.Args)-1]
	switch {
	case err != nil && (len(d.Args) > 1 || !isURL(d.Args[0])):
		return fmt.Errorf("%.60q is neither a status nor a URL", d.Args[0])
	case err == nil && (status < 200 || status > 599):
		return fmt.Errorf("%d is not a status that ends a request", status)
	case err == nil:
		answer.Status = int(status)
		if len(d.Args) == 1 {
			text = ""
		}
	}
	made, err := r.template(text)
	if err != nil {
		return err
	}
	if isRedirect(answer.Status) && text != "" {
		answer.Location = made
		err = checkLocation(made)
	} else {
		answer.Text = made
	}
	l.steps = append(l.steps, step{SnippetStep: answer})
	return err
}

// checkLocation fails for a text that can't stand in a Location.
func checkLocation(t gatelodge.Template) error {
	for _, part := range t {
		if part.Value == gatelodge.LiteralText && strings.ContainsFunc(part.Text, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			return errors.New("has a space or a control character in its URL, which has to be percent-encoded")
		}
	}
	return nil
}

func readRewrite(r *reader, d *Directive, l *level, _ context) error {
	rewrite := &gatelodge.SnippetRewrite{}
	to := d.Args[1]
	if isURL(to) {
		rewrite.Redirect = 302
	}
	if len(d.Args) == 3 {
		switch d.Args[2] {
		case "last":
			rewrite.Then = gatelodge.ThenRoute
		case "break":
			rewrite.Then = gatelodge.ThenStay
		case "redirect":
			rewrite.Redirect = 302
		case "permanent":
			rewrite.Redirect = 301
		default:
			return fmt.Errorf("has the flag %.40q, expected last, break, redirect or permanent", d.Args[2])
		}
	}
	var err error
	if rewrite.Pattern, err = r.pattern(d.Args[0], false); err != nil {
		return err
	}
	to, rewrite.DropQuery = strings.CutSuffix(to, "?")
	path, query, asks := strings.Cut(to, "?")
	if rewrite.Path, err = r.template(path); err != nil {
		return err
	}
	if asks {
		if rewrite.Query, err = r.template(query); err != nil {
			return err
		}
	}
	l.steps = append(l.steps, step{SnippetStep: rewrite})
	return errors.Join(checkLocation(rewrite.Path), checkLocation(rewrite.Query))
}
