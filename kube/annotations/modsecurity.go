package annotations

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/nginxnames"
	"gatelodge.dev/kube/syntax"
)

// modSecurity denies the routes where rules of ModSecurity would refuse requests:
// those of the Ingress and those of its class hold together, and enable-modsecurity
// turns off both.
func (a *Asked) modSecurity(own map[string]string, defaults *Defaults, tell Report) {
	const enable, rules = "enable-modsecurity", "modsecurity-snippet"
	enabled := own[decisive(own, enable)]
	if enabled == "" && defaults != nil {
		enabled = defaults.annotations[enable]
	}
	if on, err := syntax.ParseBool(enabled); err == nil && !on {
		return
	}
	judge := func(whose, text string) {
		if by := syntax.BlocksByModSecurity(text); by != "" {
			a.deny(whose + " can't be kept")
			tell(gatelodge.BadAnnotation, "%s can't be kept, and the routes answer 503: with %.100q ModSecurity refuses requests, or may do so; %s", whose, by, nginxnames.UnhonouredByName()[rules].Instead)
		}
	}
	if key := decisive(own, rules); key != "" {
		judge("annotation "+key, own[key])
	}
	if defaults != nil {
		judge(rules+" of the class or the configuration", defaults.annotations[rules])
	}
}
