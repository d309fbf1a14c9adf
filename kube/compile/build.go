package compile

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Builder builds Snapshots. It remembers the parts of the last one, so that
// the next costs what changed; what it builds does not depend on that. The
// zero Builder is ready for use, by one goroutine at a time.
type Builder struct {
	// Reader reads the Ingresses. A source that reads them as well shares its
	// Reader, so that each is read once; nil: the Builder reads by itself.
	Reader *intent.Reader

	last memo
}

// memo is the result of each step of the last Build. A step's result is
// written once. A step that was given the same inputs as last time, which it
// tells by their pointers, returns the same result.
type memo struct {
	selection *intent.Selection
	secrets   *secrets
	services  *services
	slices    *endpointSlices
	domains   *domains
	published *intent.Publications
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
func (b *Builder) Build(objs objects.Objects, cfg *objects.Config) *gatelodge.Snapshot {
	return b.BuildWith(objs, nil, cfg)
}

// BuildWith compiles the objects together with what is withheld; nil: nothing.
func (b *Builder) BuildWith(objs objects.Objects, withheld *Withheld, cfg *objects.Config) *gatelodge.Snapshot {
	var next memo
	next.selection = b.Reader.Read(&objs, cfg, b.last.selection)
	next.secrets = newSecrets(&objs, b.last.secrets)
	next.services = newServices(objs.Services, b.last.services)
	next.slices = newEndpointSlices(objs.Slices, b.last.slices)
	next.published = intent.ReadPublications(next.services.list, &objs, cfg, b.last.published)
	next.domains = readDomains(&objs, b.last.domains)
	next.stored = readStored(&objs, b.last.stored)

	next.asking = join(next.selection, next.published.List, withheld, b.last.asking)
	next.resolution = resolve(next.asking.selection, next.secrets, &objs, cfg.ACME != nil, b.last.resolution)
	next.grants = grantNames(next.asking.selection, next.asking.published, next.domains.limits, cfg, b.last.grants)
	next.defaults = makeDefaults(next.secrets, &objs, cfg, b.last.defaults)
	next.issued = findIssued(next.stored, &objs, b.last.issued)
	next.hosts = makeHosts(next.grants, next.resolution, next.defaults.common, next.issued, b.last.hosts)
	next.backends = makeBackends(next.hosts, next.services, next.slices, next.secrets, &objs, cfg, b.last.backends)
	next.announced = announce(next.services, cfg, b.last.announced)
	next.issuing = makeIssuing(next.hosts, next.stored, next.issued, next.secrets, next.announced, cfg, b.last.issuing)
	next.secured = findSecured(next.hosts, cfg, b.last.secured)
	next.views = makeViews(next.grants, next.announced, next.secured.records, next.stored.challenges, cfg, b.last.views)
	next.problems = collectProblems(b.last.problems,
		objs.Problems, cfg.Problems,
		next.selection.Problems, next.domains.problems, next.published.Problems,
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

// Ingresses returns those that the last Build found to be ours, the oldest first.
func (b *Builder) Ingresses() []*intent.Ingress {
	if b.last.selection == nil {
		return nil
	}
	return b.last.selection.Ours
}

// Publications returns the other objects that the last Build found to ask for
// names, the oldest first.
func (b *Builder) Publications() []*intent.Publication {
	if b.last.published == nil {
		return nil
	}
	return b.last.published.List
}

// problems is all that is wrong, sorted, each thing once.
type problems struct {
	parts  [][]gatelodge.Problem
	sorted []gatelodge.Problem
}

func collectProblems(last *problems, parts ...[]gatelodge.Problem) *problems {
	if last != nil && slices.EqualFunc(last.parts, parts, objects.SameSlice) {
		return last
	}
	p := &problems{parts: parts, sorted: slices.Concat(parts...)}
	slices.SortFunc(p.sorted, gatelodge.Problem.Compare)
	p.sorted = slices.Compact(p.sorted)
	return p
}
