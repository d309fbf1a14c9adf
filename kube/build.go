package kube

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	gatelodge "gatelodge.dev"
)

// Builder builds Snapshots. It remembers the parts of the last one, so that
// the next costs what changed; what it builds does not depend on that. The
// zero Builder is ready for use, by one goroutine at a time.
type Builder struct {
	last memo
}

// memo is the result of each step of the last Build. A step's result is
// written once. A step that was given the same inputs as last time, which it
// tells by their pointers, returns the same result.
type memo struct {
	selection *selection
	secrets   *secrets
	services  *services
	slices    *endpointSlices
	domains   *domains
	published *publications
	stored    *stored

	asking     *asking
	resolution *resolution
	grants     *grants
	defaults   *defaults
	issued     *issued
	hosts      *hosts
	backends   *backends
	announced  *announced
	issuing    *issuing
	secured    *secured
	views      *views
	problems   *problems
}

// Build compiles the objects into what is served. It never fails: what is wrong
// with an object is a Problem in the Snapshot, and everything else is served.
func (b *Builder) Build(objects Objects, cfg *Config) *gatelodge.Snapshot {
	var next memo
	next.selection = selectIngresses(&objects, cfg, b.last.selection)
	next.secrets = newSecrets(&objects, b.last.secrets)
	next.services = newServices(objects.Services, b.last.services)
	next.slices = newEndpointSlices(objects.Slices, b.last.slices)
	next.published = readPublications(next.services, &objects, cfg, b.last.published)
	next.domains = readDomains(&objects, b.last.domains)
	next.stored = readStored(&objects, b.last.stored)

	next.asking = join(next.selection, next.published.list, objects.withheld, b.last.asking)
	next.resolution = resolve(next.asking.selection, next.secrets, &objects, cfg.ACME != nil, b.last.resolution)
	next.grants = grantNames(next.asking.selection, next.asking.published, next.domains.limits, cfg, b.last.grants)
	next.defaults = makeDefaults(next.secrets, &objects, cfg, b.last.defaults)
	next.issued = findIssued(next.stored, &objects, b.last.issued)
	next.hosts = makeHosts(next.grants, next.resolution, next.defaults.common, next.issued, b.last.hosts)
	next.backends = makeBackends(next.hosts, next.services, next.slices, next.secrets, &objects, cfg, b.last.backends)
	next.announced = announce(next.services, cfg, b.last.announced)
	next.issuing = makeIssuing(next.hosts, next.stored, next.issued, next.secrets, next.announced, cfg, b.last.issuing)
	next.secured = findSecured(next.hosts, cfg, b.last.secured)
	next.views = makeViews(next.grants, next.announced, next.secured.records, next.stored.challenges, cfg, b.last.views)
	next.problems = collectProblems(b.last.problems,
		objects.Problems, cfg.Problems,
		next.selection.problems, next.domains.problems, next.published.problems,
		next.resolution.problems, next.grants.problems, next.defaults.problems,
		next.hosts.problems, next.backends.problems, next.announced.problems,
		next.stored.problems, next.issuing.problems)
	b.last = next

	stable := next.resolution.stable
	stable.intersect(next.defaults.stable)
	stable.intersect(next.issued.stable)
	return &gatelodge.Snapshot{
		Settings:            cfg.Settings,
		Listeners:           cfg.Listeners,
		Hosts:               next.hosts.list,
		Backends:            next.backends.list,
		Views:               next.views.list,
		DefaultCertificates: next.defaults.common.certificates,
		Challenges:          next.stored.challenges.list,
		ChallengesVersion:   next.stored.challenges.version,
		Issuing:             next.issuing.root,
		Problems:            next.problems.sorted,
		RebuildAt:           stable.until,
	}
}

// selection is the Ingresses that are ours, the oldest first.
type selection struct {
	cfg        *Config
	all        []*networkingv1.Ingress
	classes    []*networkingv1.IngressClass
	configMaps []*corev1.ConfigMap
	inFiles    bool                           // objects have places in files
	read       []*ingress                     // of each in all; nil: not ours
	refused    map[*networkingv1.Ingress]bool // of those that are not ours, the ones that nobody's class is for

	ours       []*ingress
	parameters map[string]*classParameters // by the name of the class
	problems   []gatelodge.Problem         // theirs, and of those that nobody's class is for
}

func selectIngresses(objects *Objects, cfg *Config, last *selection) *selection {
	for _, made := range []*selection{last, objects.selected} {
		if made != nil && made.isOf(objects, cfg) {
			return made
		}
	}
	if last == nil {
		last = &selection{}
	}
	s := &selection{
		cfg: cfg, all: objects.Ingresses, classes: objects.Classes, configMaps: objects.ConfigMaps,
		inFiles: objects.Origins != nil,
		read:    make([]*ingress, len(objects.Ingresses)),
		refused: make(map[*networkingv1.Ingress]bool),
	}
	gone := slices.Clone(last.read) // without those that stay
	var fresh []*ingress
	classes := newClasses(objects.Classes, cfg)
	s.parameters = readParameters(objects, classes, last.parameters)
	places := matches(last.all, objects.Ingresses)
	// Without places in files an object says all about itself.
	sameRules := last.cfg == cfg && slices.Equal(last.classes, objects.Classes) &&
		slices.Equal(last.configMaps, objects.ConfigMaps) && !s.inFiles && !last.inFiles
	for i, source := range objects.Ingresses {
		at := places[i]
		if at >= 0 && sameRules && !last.refused[source] {
			s.read[i], gone[at] = last.read[at], nil
			continue
		}
		if !s.has(source, classes, objects) {
			continue
		}
		var defaults *classDefaults
		if p := s.parameters[classes.of(source)]; p != nil {
			defaults = p.defaults
		}
		if at >= 0 && last.read[at] != nil && last.read[at].version == objects.versionOf(&source.ObjectMeta) && last.read[at].defaults == defaults {
			s.read[i], gone[at] = last.read[at], nil
		} else {
			s.read[i] = readIngress(source, defaults, objects)
			fresh = append(fresh, s.read[i])
		}
	}
	for _, p := range s.parameters {
		s.problems = append(s.problems, p.problems...)
	}
	s.order(last.ours, gone, fresh)
	for _, in := range s.ours {
		s.problems = append(s.problems, in.problems...)
	}
	return s
}

// isOf tells whether the selection is that of these objects.
func (s *selection) isOf(objects *Objects, cfg *Config) bool {
	return s.cfg == cfg && slices.Equal(s.all, objects.Ingresses) && slices.Equal(s.classes, objects.Classes) && slices.Equal(s.configMaps, objects.ConfigMaps)
}

// has tells whether the Ingress is ours, and reports it if it is nobody's.
func (s *selection) has(source *networkingv1.Ingress, classes *classes, objects *Objects) bool {
	if !s.cfg.hasNamespace(source.Namespace) || s.cfg.Selector != nil && !s.cfg.Selector.Matches(labels.Set(source.Labels)) {
		return false
	}
	ours, problem := classes.has(source)
	if problem != "" {
		s.refused[source] = true
		s.problems = append(s.problems, gatelodge.Problem{
			Object: objects.objectOf("Ingress", &source.ObjectMeta), Reason: gatelodge.UnknownClass, Message: problem,
		})
	}
	return ours
}

// order puts the Ingresses before, which are in order, without those that are
// gone, and the fresh ones together by age. Items of gone may be nil.
func (s *selection) order(before, gone, fresh []*ingress) {
	byAge := func(a, b *ingress) int { return a.compare(&b.applicant) }
	slices.SortFunc(fresh, byAge)
	leave := make(map[*ingress]bool)
	for _, in := range gone {
		if in != nil {
			leave[in] = true
		}
	}
	kept := before
	if len(leave) > 0 {
		kept = slices.DeleteFunc(slices.Clone(before), func(in *ingress) bool { return leave[in] })
	}
	s.ours = insertSorted(kept, fresh, byAge)
}

// problems is all that is wrong, sorted, each thing once.
type problems struct {
	parts  [][]gatelodge.Problem
	sorted []gatelodge.Problem
}

func collectProblems(last *problems, parts ...[]gatelodge.Problem) *problems {
	if last != nil && slices.EqualFunc(last.parts, parts, sameSlice) {
		return last
	}
	p := &problems{parts: parts, sorted: slices.Concat(parts...)}
	slices.SortFunc(p.sorted, gatelodge.Problem.Compare)
	p.sorted = slices.Compact(p.sorted)
	return p
}

// sameSlice tells whether two slices that are never written are one.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
