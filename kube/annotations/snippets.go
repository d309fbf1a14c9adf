package annotations

import (
	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/snippets"
)

// snippetAsk is what the snippets of an Ingress ask for: their texts, until Allow or
// Refuse has read them.
type snippetAsk struct {
	serverTexts, locationTexts []string
	authText                   string

	Server   *snippets.Server      // for the hosts of the Ingress; nil: there is none
	Location *snippets.Location    // for its routes; nil: there is none
	Auth     []gatelodge.FieldEdit // of the request that the service of auth-url gets

	// ServerUnavailable says why what the server-snippet protects can't be kept, on all
	// of its hosts; "": it can.
	ServerUnavailable string
}

func snippetRows() []row {
	return []row{
		{
			name: "configuration-snippet", expects: "nginx's directives", set: setConfigurationSnippet,
			means:   "Directives of nginx for the routes of the Ingress ([snippets.md](snippets.md)), where the operator allows snippets.",
			differs: "Directives are read into policies. Those that have none are told, and where one may protect the routes answer 503.",
		},
		{
			name: "server-snippet", expects: "nginx's directives", set: setServerSnippet,
			means:   "The same for the hosts of the Ingress, with locations ([snippets.md](snippets.md)). The oldest one of a host counts.",
			differs: "As with `configuration-snippet`, and it holds for the routes of the namespace that has the host alone.",
		},
		{
			name: "auth-snippet", expects: "proxy_set_header", set: func(a *Asked, value string) error { a.Snippets.authText = value; return nil }, protects: true,
			means:   "Fields that the server of `auth-url` gets, by `proxy_set_header` ([snippets.md](snippets.md)), where the operator allows snippets.",
			differs: "Other directives are told, and the routes answer 503.",
		},
	}
}

// setServerSnippet puts the Ingress's own behind the default.
func setServerSnippet(a *Asked, value string) error {
	a.Snippets.serverTexts = append(a.Snippets.serverTexts, value)
	return nil
}

// setConfigurationSnippet puts the Ingress's own before the default.
func setConfigurationSnippet(a *Asked, value string) error {
	a.Snippets.locationTexts = append([]string{value}, a.Snippets.locationTexts...)
	return nil
}

// ReadSnippets reads the snippets, and leaves them out where the operator does not
// allow any: then what they protect is not served.
func (a *Asked) ReadSnippets(allowed bool, tell Report) {
	s := &a.Snippets
	if s.serverTexts != nil {
		server, problems := snippets.ReadServer(s.serverTexts...)
		if a.snippet("server-snippet", problems, server.Protects(), allowed, tell) {
			s.ServerUnavailable = "annotation server-snippet of the host can't be kept"
		}
		s.Server = server
	}
	if s.locationTexts != nil {
		location, problems := snippets.ReadLocation(s.Server, a.Protocol == gatelodge.BackendH2C || a.Protocol == gatelodge.BackendH2, s.locationTexts...)
		a.snippet("configuration-snippet", problems, location.Protects(), allowed, tell)
		s.Location = location
	}
	if s.authText != "" {
		fields, problems := snippets.ReadAuth(s.authText, s.Server, s.Location)
		a.snippet("auth-snippet", problems, true, allowed, tell)
		s.Auth = fields
	}
	s.serverTexts, s.locationTexts, s.authText = nil, nil, ""
	if !allowed {
		s.Server, s.Location, s.Auth = nil, nil, nil
	}
}

// Bytes says about how much memory the snippets take on so many hosts.
func (s *snippetAsk) Bytes(hosts int) (n int64) {
	if s.Server != nil {
		alone, onHost := s.Server.Bytes()
		n += alone + int64(hosts)*onHost
	}
	if s.Location != nil {
		alone, onHost := s.Location.Bytes()
		n += alone + int64(hosts)*onHost
	}
	return n
}

// snippet tells what is wrong with one, and denies the routes where it protects them
// and can't be kept.
func (a *Asked) snippet(name string, problems []snippets.Problem, protects, allowed bool, tell Report) (denied bool) {
	if !allowed {
		tell(gatelodge.BadAnnotation, "annotation %s is not honoured: the operator of the gateway has to allow snippets, by ingress.snippets: parsed in its configuration", name)
		denied = protects
	} else {
		for _, p := range problems {
			tell(gatelodge.BadAnnotation, "annotation %s: %s", name, p.Message)
			denied = denied || p.Protects
		}
	}
	if denied {
		a.deny("annotation " + name + " can't be kept")
	}
	return denied
}
