package explain

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// gather collects the Problems of all objects that the question is about.
func (t *timeline) gather() {
	objects := slices.Clone(t.claims.Granted)
	if t.host != nil {
		for _, r := range t.host.Routes {
			objects = append(objects, r.Object)
			if r.Canary != nil {
				objects = append(objects, r.Canary.Object)
			}
		}
		for _, c := range t.host.Certificates {
			objects = append(objects, c.Object)
		}
	}
	for _, refused := range t.claims.Refused {
		objects = append(objects, refused.Object)
	}
	involved := make(map[gatelodge.Object]bool)
	for _, o := range objects {
		involved[o] = true
	}
	var service, namespace string
	if t.route != nil {
		if b := t.Snapshot.Backends.Get(t.route.Backend); b != nil {
			service, namespace = b.Service, b.Namespace
		}
	}
	for p := range t.Snapshot.Problems.All() {
		ofService := p.Object.Namespace == namespace && namespace != "" && (p.Object.Kind == "Service" && p.Object.Name == service ||
			p.Object.Kind == "EndpointSlice" && strings.HasPrefix(p.Object.Name, service+"-"))
		if (involved[p.Object] || ofService) && t.concerns(p.Message) {
			t.untold = append(t.untold, p)
		}
	}
}

// hostInMessage finds the hosts that a Problem names.
var hostInMessage = regexp.MustCompile(`\bhost ([*a-z0-9_-]+(?:\.[a-z0-9_-]+)+)`)

// concerns reports whether a Problem's message is about the name, or about none in
// particular, because an object may have many hosts.
func (t *timeline) concerns(message string) bool {
	named := hostInMessage.FindAllStringSubmatch(message, -1)
	return len(named) == 0 || slices.ContainsFunc(named, func(m []string) bool {
		name := gatelodge.Name(m[1])
		return name == t.Name || name.Matches(t.Name) || t.host != nil && name == t.host.Name
	})
}

// take returns the Problems with one of the reasons that also satisfy a condition (nil:
// any), and marks them as used.
func (t *timeline) take(also func(gatelodge.Problem) bool, reasons ...gatelodge.Reason) (taken []gatelodge.Problem) {
	t.untold = slices.DeleteFunc(t.untold, func(p gatelodge.Problem) bool {
		takes := slices.Contains(reasons, p.Reason) && (also == nil || also(p))
		if takes {
			taken = append(taken, p)
		}
		return takes
	})
	return taken
}

// tell adds Problems to a step, and makes the first one its finding, if that is
// worse than what it has.
func (s *Step) tell(state State, problems []gatelodge.Problem) {
	for _, p := range problems {
		s.add(state, fmt.Sprintf("%s: %s", p.Reason, p.Object), p.Message)
		s.worse(state, fmt.Sprintf("%s: %s", p.Object, p.Message), advice[p.Reason])
	}
}

// rest describes the Problems that no other step has used.
func (t *timeline) rest() *Step {
	if len(t.untold) == 0 {
		return nil
	}
	s := &Step{Kind: Problems, Title: "Also", State: Info}
	s.tell(Warning, t.untold)
	if n := len(t.untold); n > 1 {
		s.Text = fmt.Sprintf("%s (and %d more of the objects involved)", s.Text, n-1)
	}
	return s
}

// advice is what to do about a Problem, by its reason, if the message does not say it.
var advice = map[gatelodge.Reason]string{
	gatelodge.BadManifest:        "correct the file",
	gatelodge.BadHost:            "write a valid name into the rule",
	gatelodge.BadPath:            "correct the path in the rule, or its pathType",
	gatelodge.BadAnnotation:      "correct the annotation (docs/annotations.md has what can be written)",
	gatelodge.UnknownAnnotation:  "remove the annotation, or use one that docs/annotations.md has",
	gatelodge.UnknownClass:       "write the name of a class of this gateway into spec.ingressClassName",
	gatelodge.BadParameters:      "correct the parameters of the IngressClass",
	gatelodge.HostTaken:          "use another name, or have the owner give the name up or share it (annotation gatelodge.dev/share-host-with, ingress.hostSharing)",
	gatelodge.PathTaken:          "use another path, or remove the rule of the object that has it",
	gatelodge.RuleTaken:          "agree with the author of the other object on one rule for the host",
	gatelodge.NameReserved:       "use another name, or have the operator grant it (dns.zones[].grants)",
	gatelodge.NameNotAllowed:     "use a name within the domains of the namespace, or have the operator extend them (annotation gatelodge.dev/domains of the Namespace)",
	gatelodge.BackendMissing:     "create the Service or the port, or correct its name in the rule",
	gatelodge.BackendUnsupported: "use a supported kind of backend",
	gatelodge.SecretMissing:      "create the Secret in the namespace of the object, or correct its name",
	gatelodge.BadSecret:          "correct the content of the Secret",
	gatelodge.BadCertificate:     "write a certificate into the Secret that is valid now and covers this host",
	gatelodge.BadRecord:          "correct the record",
	gatelodge.TooMuch:            "ask for less in one object, or have the operator raise ingress.bounds",
	gatelodge.NotIssued:          "do what the message of the CA says; the gateway tries again by itself",
	gatelodge.ViewUnannounced:    "write the addresses of the view into the configuration, or give its Service one",
	gatelodge.WithdrawalHeld:     "restore the objects, or confirm the withdrawal (POST /api/guard/confirm)",
	gatelodge.SourceFailed:       "find out why the gateway can't read the objects",
}
