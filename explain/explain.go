package explain

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// Question is the URL to explain.
type Question struct {
	Query  string // as it was written
	Scheme string // "http" or "https"; "": https if the host has a certificate, else http
	Name   gatelodge.Name
	Port   uint16     // 0: that of the scheme
	Path   string     // canonical
	Client netip.Addr // the client; invalid: any
}

// Parse parses a URL, or a name, which means its path "/".
func Parse(text string) (Question, error) {
	q := Question{Query: text, Path: "/"}
	rest := text
	if scheme, after, ok := strings.Cut(text, "://"); ok {
		q.Scheme, rest = strings.ToLower(scheme), after
		if q.Scheme != "http" && q.Scheme != "https" {
			return q, fmt.Errorf("%.60q is not a valid URL, write http:// or https:// before the name", text)
		}
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if host, port, err := net.SplitHostPort(authority); err == nil {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return q, fmt.Errorf("%.60q is not a valid port, write a number from 1 to 65535", port)
		}
		authority, q.Port = host, uint16(number)
	}
	var err error
	if q.Name, err = gatelodge.ParseName(authority); err != nil {
		return q, fmt.Errorf("%.255q is not a valid name: %w", authority, err)
	}
	if path, _, _ = strings.Cut(path, "#"); path != "" {
		path, _, _ = strings.Cut(path, "?")
	}
	if path == "" {
		return q, nil
	}
	if _, err := url.PathUnescape(path); err != nil {
		return q, fmt.Errorf("%.255q is not a valid path: %w", path, err)
	}
	if q.Path, err = gatelodge.CanonicalPath(path); err != nil {
		return q, fmt.Errorf("%.255q is not a valid path: it %w", path, err)
	}
	return q, nil
}

// Names knows which objects ask for names, and why backends have no endpoints.
type Names interface {
	Claims(name gatelodge.Name) gatelodge.NameClaims
	Lacking(backend gatelodge.BackendKey) string // "": it has endpoints, or is unknown
}

// Proxy knows what happens to requests, and the results of the last ones.
type Proxy interface {
	Route(s *gatelodge.Snapshot, view string, name gatelodge.Name, path string) (*gatelodge.Host, *gatelodge.Route)
	Policies(route *gatelodge.Route) []string                     // in their order
	Recent(host gatelodge.Name) []gatelodge.Handled               // the latest first
	Endpoints(key gatelodge.BackendKey) []gatelodge.EndpointState // nil: unknown
}

// DNS knows the answers to queries.
type DNS interface {
	Answer(view string, name gatelodge.Name, rtype string) gatelodge.Answer
}

// Held is what the withdrawal guard withholds.
type Held struct {
	Hosts []gatelodge.Name
	Until time.Time
}

// Knowledge is the input of an explanation.
type Knowledge struct {
	Snapshot   *gatelodge.Snapshot
	Generation uint64 // 0: offline
	Now        time.Time
	Names      Names
	Proxy      Proxy
	DNS        DNS
	Held       Held
	RenewAt    func(*gatelodge.Certificate, *gatelodge.RenewalWindow) time.Time
	Delegation func(zone gatelodge.Name) *gatelodge.Delegation // nil, or returning nil: not checked
}

// ErrNothing means that there is no snapshot to explain.
var ErrNothing = errors.New("no snapshot yet: the gateway has read no objects")

// Explain follows a request for the URL, and everything that leads to it.
func (k Knowledge) Explain(q Question) (*Document, error) {
	if k.Snapshot == nil {
		return nil, ErrNothing
	}
	t := &timeline{Knowledge: k, Question: q}
	t.choose()
	if t.Scheme == "" {
		t.Scheme = "http"
		if t.host != nil && (t.host.WantsTLS || len(t.host.Certificates) > 0 || t.host.Passthrough != nil) && t.listener("https") != nil {
			t.Scheme = "https"
		}
	}
	t.claims = k.Names.Claims(q.Name)
	if t.host != nil {
		t.requests = k.Proxy.Recent(t.host.Name)
	}
	t.gather()
	d := &Document{
		Query: q.Query, URL: t.url(), Scheme: t.Scheme, Name: q.Name, Path: q.Path,
		At: k.Now.UTC().Truncate(time.Millisecond), Generation: k.Generation,
	}
	for _, step := range []func() []Step{
		one(t.owner), one(t.delegation), t.answers, one(t.comesIn), one(t.certificate), one(t.redirect),
		one(t.choice), one(t.policies), one(t.backend), one(t.traffic), one(t.rest),
	} {
		d.Steps = append(d.Steps, step()...)
	}
	d.conclude()
	return d, nil
}

// one makes a list of a step, empty if the step is nil.
func one(step func() *Step) func() []Step {
	return func() []Step {
		if s := step(); s != nil {
			return []Step{*s}
		}
		return nil
	}
}

// timeline is an explanation in progress.
type timeline struct {
	Knowledge
	Question
	view     string           // the view that the request is followed in; "": there are none
	host     *gatelodge.Host  // in the view; nil: no host is served for the name
	route    *gatelodge.Route // nil: the host has none for the path
	claims   gatelodge.NameClaims
	requests []gatelodge.Handled // for the host, the latest first
	untold   []gatelodge.Problem // of the objects involved, not used by a step yet
}

// choose selects the view: the first that has a route for the request, else the first
// that has the host, else the first.
func (t *timeline) choose() {
	found := 0 // how much the view has of it
	for i, v := range t.Snapshot.Views {
		host, route := t.Proxy.Route(t.Snapshot, v.Name, t.Name, t.Path)
		has := 0
		if host != nil && host.Name != "" {
			has++
		}
		if has > 0 && route != nil {
			has++
		}
		if i == 0 || has > found {
			t.view, t.host, t.route, found = v.Name, host, route, has
		}
	}
	if len(t.Snapshot.Views) == 0 {
		t.host, t.route = t.Proxy.Route(t.Snapshot, "", t.Name, t.Path)
	}
}

// url returns the URL as it was understood.
func (t *timeline) url() string {
	port := ""
	if t.Port != 0 && t.Port != map[string]uint16{"http": 80, "https": 443}[t.Scheme] {
		port = fmt.Sprintf(":%d", t.Port)
	}
	return t.Scheme + "://" + string(t.Name) + port + t.Path
}

// listener returns the first listener of a scheme in the view, or nil.
func (t *timeline) listener(scheme string) *gatelodge.Listener {
	for i := range t.Snapshot.Listeners {
		if l := &t.Snapshot.Listeners[i]; strings.EqualFold(string(l.Protocol), scheme) && (t.view == "" || slices.Contains(l.Views, t.view)) {
			return l
		}
	}
	return nil
}

// inView names the view if there are several.
func (t *timeline) inView() string {
	if len(t.Snapshot.Views) < 2 {
		return ""
	}
	return " in view " + t.view
}

// comesIn describes the listener.
func (t *timeline) comesIn() *Step {
	s := &Step{Kind: Listener, Title: "Listener", State: OK}
	l := t.listener(t.Scheme)
	if l == nil {
		s.worse(Broken, fmt.Sprintf("no listener%s speaks %s", t.inView(), strings.ToUpper(t.Scheme)),
			fmt.Sprintf("add one of protocol %s under listeners in the configuration, or ask for the other scheme", strings.ToUpper(t.Scheme)))
		return s
	}
	s.Text = fmt.Sprintf("%s on %s (listener %s)%s", l.Protocol, l.Address, l.Name, t.inView())
	public := cmp.Or(l.PublicPort, 0)
	if public != 0 {
		s.Text += fmt.Sprintf(", which users see as port %d", public)
	}
	asked := cmp.Or(t.Port, map[string]uint16{"http": 80, "https": 443}[t.Scheme])
	if t.Port != 0 && public != 0 && asked != public {
		s.worse(Warning, fmt.Sprintf("the URL has port %d, and users see the listener %s as port %d", asked, l.Name, public),
			fmt.Sprintf("ask for port %d, or change publicPort of the listener", public))
	}
	return s
}
