package annotations

import (
	"errors"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// rewriteAsk is what the annotations about paths ask for.
type rewriteAsk struct {
	UseRegex bool
	Target   string // as it is written; "": none
	rewrite  *gatelodge.Rewrite
	host     string // of upstream-vhost
	prefix   string // of x-forwarded-prefix

	ResponseFields string // the ConfigMap that has them; "": none
}

func rewriteRows() []row {
	return []row{
		{"custom-headers", "a ConfigMap of the same namespace", setCustomHeaders, true,
			"The keys of the ConfigMap are fields that every response has, in place of the backend's; the values may hold variables.", "No list of the operator has to allow a field (`global-allowed-response-headers`), but those that frame a message can't be set. A ConfigMap of another namespace is never read."},
		{"use-regex", `"true" or "false"`, setUseRegex, false,
			"The paths are regular expressions: compared with the beginning of a path, in any case of letters, the longest first, whatever their type; by default `false`.", "Look-ahead and back-references, which RE2 does not have, are a problem. An encoded slash (`%2F`) separates nothing, and empty elements (`//`) are not merged."},
		{"rewrite-target", "a path, such as /$1", setRewriteTarget, true,
			"The path that the backend gets instead of the client's; the paths are regular expressions then, and `$1` to `$9` their groups. A query in it goes before the client's, and a `?` at its end drops that.", "What a group puts into a query is escaped, so that a path can't add arguments; dot segments that a rewrite would make are removed. What a group holds keeps its `%2F` and `//`, and an empty query its `?`."},
		{"upstream-vhost", "a host, such as app.internal.example.com or $service_name.$namespace.svc.cluster.local", setUpstreamVhost, false,
			"The Host field that the backend gets. It may have a port, and hold `$service_name`, `$namespace` and `$service_port` of the backend, such as `$service_name.$namespace.svc.cluster.local`. `$host` alone is the client's.", "Other variables are a problem."},
		{"x-forwarded-prefix", "a path, such as /app", setForwardedPrefix, false,
			"The X-Forwarded-Prefix field that the backend gets.", "It does not need a `rewrite-target`. Without it the backend gets none, not the client's."},
	}
}

func setUseRegex(a *Asked, value string) (err error) {
	a.Rewrites.UseRegex, err = syntax.ParseBool(value)
	return err
}

func setRewriteTarget(a *Asked, value string) error {
	if value == "" {
		return nil
	}
	w, err := syntax.ReadRewrite(value)
	if err != nil {
		return err
	}
	a.Rewrites.Target, a.Rewrites.rewrite = value, w
	return nil
}

func setUpstreamVhost(a *Asked, value string) error {
	if value == "$host" || value == "$http_host" {
		value = "" // the client's, as without the annotation
	}
	if value != "" && !syntax.IsHostField(syntax.WithBackend(value, "n", "s", "1")) {
		return errors.New("is not a valid host")
	}
	a.Rewrites.host = value
	return nil
}

func setForwardedPrefix(a *Asked, value string) error {
	if strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return errors.New("holds a character that a field may not have")
	}
	a.Rewrites.prefix = value
	return nil
}

// Policy sets what is asked for. A rewrite to the very path of a route changes
// nothing.
func (w *rewriteAsk) Policy(p *gatelodge.Policy) {
	p.Rewrite, p.UpstreamHost, p.ForwardedPrefix = w.rewrite, w.host, w.prefix
}

func setCustomHeaders(a *Asked, value string) (err error) {
	a.Rewrites.ResponseFields, err = ownConfigMap(a, value)
	return err
}
