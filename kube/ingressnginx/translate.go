package ingressnginx

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/annotations"
)

// translation is the translation of an installation in progress.
type translation struct {
	in       *Installation
	doc      document
	defaults map[string]string // of the classes, by the names of annotations
	notes    []Note

	now Note // about the setting that is being translated

	// Values that several settings decide together.
	hsts struct {
		on, subdomains, preload bool
		maxAge                  int
	}
	forwarded, proxyProtocol bool
	believed                 []string // networks
	deny                     []string
	retryAll                 bool
	bind                     []netip.Addr
	httpPort, httpsPort      uint16
	codings                  []gatelodge.Coding
	sampler                  string // "": ingress-nginx's AlwaysOn
	sampled                  float64
	types                    gatelodge.MediaTypes
	controller, className    string
	byName                   bool
}

// Outcome is what happened to a setting.
type Outcome uint8

// The outcomes.
const (
	Translated   Outcome = iota // it is a key of Gatelodge
	ClassDefault                // it is a default of the class
	Needless                    // nothing is lost without it
	ToDo                        // it has no counterpart; the text says what to do
)

// Note is what happened to a flag, a key or a port.
type Note struct {
	Setting string
	Value   string
	Outcome Outcome
	Text    string
}

// Translation is the configuration for an installation.
type Translation struct {
	Notes    []Note
	Classes  []string          // names of classes that were the controller's
	Defaults map[string]string // of the classes, by the names of annotations
	in       *Installation
	doc      document
}

// The settings by their names.
var (
	flagTable = sync.OnceValue(func() map[string]*setting { return byName(flags()) })
	keyTable  = sync.OnceValue(func() map[string]*setting { return byName(keys()) })
)

func byName(list []setting) map[string]*setting {
	named := make(map[string]*setting, len(list))
	for i := range list {
		named[list[i].name] = &list[i]
	}
	return named
}

// Translate translates an installation. Settings that it does not have get
// ingress-nginx's defaults if clients would notice a difference.
func Translate(in *Installation) *Translation {
	t := &translation{in: in, defaults: make(map[string]string), believed: []string{"0.0.0.0/0"}, controller: "k8s.io/ingress-nginx", className: "nginx"}
	t.sampled = 0.01
	t.hsts.on, t.hsts.subdomains, t.hsts.maxAge = true, true, 31536000
	for _, arg := range in.args {
		t.translate("--"+arg.name, arg.value, flagTable()[arg.name])
	}
	data, found := in.data(in.configMap)
	if in.configMap.Name != "" && !found {
		t.notes = append(t.notes, Note{"ConfigMap", in.configMap.String(), ToDo, "it is not among the manifests: add it to them"})
	}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		t.translate(key, data[key], keyTable()[key])
	}
	classes := t.finish()
	return &Translation{t.notes, classes, t.defaults, in, t.doc}
}

// translate translates one flag or key.
func (t *translation) translate(name, value string, s *setting) {
	t.now = Note{Setting: name, Value: value}
	if slices.Contains(concealed(), name) {
		t.now.Value = "…"
	}
	switch {
	case s == nil:
		t.now.Outcome, t.now.Text = ToDo, "ingress-nginx 1.15 does not know it; "+removeIt
	case s.convert == nil && !s.needless && isDefault(value):
		t.now.Outcome, t.now.Text = Needless, "it is off"
	case s.convert == nil:
		t.now.Outcome, t.now.Text = ToDo, s.why
		if s.needless {
			t.now.Outcome = Needless
		}
	case value == "":
		t.now.Outcome, t.now.Text = Needless, "it says nothing"
	default:
		if err := s.convert(t, value); err != nil {
			t.now.Outcome, t.now.Text = ToDo, err.Error()
		}
	}
	t.notes = append(t.notes, t.now)
}

// from formats the current setting for a comment.
func (t *translation) from() string { return t.now.Setting + ": " + shown(t.now.Value) }

func (t *translation) set(key, value string) { t.doc.set(key, value, t.from()) }

// comment notes that nothing is lost.
func (t *translation) comment(text string) { t.now.Outcome, t.now.Text = Needless, text }

func (t *translation) setDefault(annotation, value string) {
	t.defaults[annotation] = value
	t.now.Outcome, t.now.Text = ClassDefault, annotation
}

// finish adds what several settings decide together, and the defaults of ingress-nginx
// that clients would miss. It returns the names of the classes.
func (t *translation) finish() []string {
	const byDefault = "as ingress-nginx has it by default"
	t.doc.set("ingress.hostSharing", "any", "ingress-nginx lets every namespace add paths to every host; write namespace when check reports no HostTaken with it")
	if !t.doc.has("limits.bodyBytes") {
		t.doc.set("limits.bodyBytes", "1048576", "proxy-body-size: 1m, "+byDefault)
	}
	if !t.doc.has("serverName") {
		t.doc.set("serverName", `""`, "server-tokens: false, "+byDefault)
	}
	if t.hsts.on {
		field := fmt.Sprintf("max-age=%d", t.hsts.maxAge)
		if t.hsts.subdomains {
			field += "; includeSubDomains"
		}
		if t.hsts.preload {
			field += "; preload"
		}
		t.doc.set("hsts", strconv.Quote(field), "hsts, hsts-max-age, hsts-include-subdomains and hsts-preload, or their defaults")
	}
	if t.forwarded {
		t.doc.set("trust.forwarded", list(t.believed), t.believes())
	}
	if t.proxyProtocol {
		t.doc.set("trust.proxyProtocol", list(t.believed), t.believes())
	}
	t.compress()
	t.trace()
	if t.retryAll {
		t.defaults["proxy-next-upstream"] = strings.TrimSpace(first(t.defaults["proxy-next-upstream"], "error timeout") + " non_idempotent")
	}
	if len(t.deny) > 0 {
		t.defaults["denylist-source-range"] = strings.Join(t.deny, ",")
	}
	classes := t.classes()
	if t.doc.has("ingress.namespaces") && len(t.defaults) > 0 {
		t.doc.set("ingress.controller", strconv.Quote(t.controller), "IngressClasses are read for the defaults of Ingresses, which a list of classes together with namespaces would prevent")
	} else {
		t.doc.set("ingress.classes", list(classes), "IngressClasses of "+shown(t.controller)+", and --ingress-class")
	}
	if t.in.hostPorts || len(t.bind) > 0 {
		t.doc.set("listeners", t.listeners(), "the pods use the ports of their nodes, or bind-address names addresses")
	}
	return classes
}

func (t *translation) believes() string {
	if slices.Contains(t.believed, "0.0.0.0/0") {
		return "everyone is believed, as before: write the networks of your load balancers"
	}
	return "proxy-real-ip-cidr"
}

// classes returns the classes that the controller watches, by their objects and by the
// name in the older annotation.
func (t *translation) classes() []string {
	var names []string
	if t.className != "" {
		names = append(names, t.className)
	}
	for _, class := range t.in.objects.Classes.All() {
		if class.Spec.Controller == t.controller && (!t.byName || class.Name == t.className) {
			names = append(names, class.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// listeners sets listeners with the addresses and ports of nginx.
func (t *translation) listeners() string {
	hosts := []string{""}
	if len(t.bind) > 0 {
		hosts = nil
		for _, address := range t.bind {
			hosts = append(hosts, strings.TrimSuffix(netip.AddrPortFrom(address, 0).String(), ":0"))
		}
	}
	var items []string
	for i, host := range hosts {
		suffix := ""
		if i > 0 {
			suffix = "-" + strconv.Itoa(i+1)
		}
		items = append(items,
			fmt.Sprintf(`{name: http%s, protocol: HTTP, address: "%s:%d"}`, suffix, host, or(t.httpPort, 80)),
			fmt.Sprintf(`{name: https%s, protocol: HTTPS, address: "%s:%d"}`, suffix, host, or(t.httpsPort, 443)))
	}
	items = append(items, `{name: dns, protocol: DNS, address: ":8053", view: default}`)
	return "[" + strings.Join(items, ", ") + "]"
}

func or(port, otherwise uint16) uint16 {
	if port == 0 {
		return otherwise
	}
	return port
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// list is a list of texts in YAML.
func list(items []string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = strconv.Quote(item)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// services adds a note for each port of a ConfigMap of TCP or UDP services.
func (t *translation) services(protocol, value string) error {
	data, found := t.in.data(t.in.key(value))
	if !found {
		return errUntranslated("the ConfigMap is not among the manifests; its ports have no counterpart: expose them by Services of type LoadBalancer")
	}
	for _, port := range slices.Sorted(maps.Keys(data)) {
		t.notes = append(t.notes, Note{protocol + " port " + port, data[port], ToDo,
			"the gateway forwards HTTP only: expose the Service by one of type LoadBalancer, or with the annotation external-dns.kubernetes.io/hostname for a name of its own"})
	}
	t.comment(fmt.Sprintf("its ports are listed by themselves, %d of them", len(data)))
	return nil
}

// selectNamespaces lists the namespaces that a selector matches at present.
func selectNamespaces(t *translation, value string) error {
	selector, err := labels.Parse(value)
	if err != nil {
		return errUntranslated("list the namespaces in ingress.namespaces")
	}
	var names []string
	for _, namespace := range t.in.objects.Namespaces.All() {
		if selector.Matches(labels.Set(namespace.Labels)) {
			names = append(names, namespace.Name)
		}
	}
	if len(names) == 0 {
		return errUntranslated("no Namespace among the manifests has these labels: list the namespaces in ingress.namespaces")
	}
	t.doc.set("ingress.namespaces", list(names), t.from()+"; those that match today")
	return nil
}

// defaultBackend returns the first port of the Service, as ingress-nginx does.
func defaultBackend(t *translation, value string) error {
	key := t.in.key(value)
	service := t.in.objects.Services.Get(key)
	if service == nil || len(service.Spec.Ports) == 0 {
		return errUntranslated("write ingress.defaultBackend as " + key.String() + ":PORT; the Service is not among the manifests")
	}
	t.set("ingress.defaultBackend", strconv.Quote(fmt.Sprintf("%s:%d", key, service.Spec.Ports[0].Port)))
	return nil
}

// passthrough: whether there is any is said by the table of annotations.
func passthrough(t *translation) error {
	entry, _ := annotations.Of(annotations.OwnPrefix + "ssl-passthrough")
	if entry.Verdict == annotations.Refused {
		return errUntranslated(entry.Why + ": let the gateway terminate TLS, with backend-protocol: HTTPS to the backend")
	}
	t.comment("the annotation ssl-passthrough is honoured without a flag")
	return nil
}

// shown formats a value as one line of a comment.
func shown(value string) string {
	const most = 80
	if value != "" && len(value) <= most && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' || c == '#' }) {
		return value
	}
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return strconv.Quote(value)
}
