package compile

import (
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// Builder builds Snapshots. It remembers the parts of the last one, so that
// the next costs what changed; what it builds does not depend on that. The
// zero Builder is ready for use, by one goroutine at a time.
type Builder struct {
	// Reader reads the claimants. A source that reads them as well shares its
	// Reader, so that each is read once; nil: the Builder reads by itself.
	Reader *intent.Reader

	last memo
}

// memo is the result of each step of the last Build. A step's result is
// written once. A step that was given the same inputs as last time, which it
// tells by their pointers, returns the same result.
type memo struct {
	reading *intent.Reading
	secrets *secrets
	domains *domains
	stored  *stored

	claimants  *claimants
	bounded    *bounded
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
	problems   problems
	sources    [][]gatelodge.Problem // those of problems that are not of results
	shown      gatelodge.Map[gatelodge.Problem, bool]
}

// Build compiles the objects into what is served. It never fails: what is wrong
// with an object is a Problem in the Snapshot, and everything else is served.
func (b *Builder) Build(objs objects.Objects, cfg *objects.Config) *gatelodge.Snapshot {
	return b.BuildWith(objs, Extra{}, cfg)
}

// Extra is what is compiled together with the objects.
type Extra struct {
	Withheld   Claimants // what objects ask for no more, and what is served all the same
	Incumbents Incumbents
}

// BuildWith compiles the objects together with what else there is.
func (b *Builder) BuildWith(objs objects.Objects, extra Extra, cfg *objects.Config) *gatelodge.Snapshot {
	var next memo
	next.reading = b.Reader.Read(&objs, cfg, b.last.reading)
	next.secrets = followSecrets(objs.Secrets, &objs, b.last.secrets)
	next.domains = readDomains(&objs, b.last.domains)
	next.stored = followStored(objs.Stored, &objs, b.last.stored)

	next.claimants = joinClaimants(next.reading.Claimants, extra.Withheld, b.last.claimants)
	next.bounded = keepBounds(next.claimants.all, cfg.Bounds, b.last.bounded)
	next.resolution = resolve(next.bounded.kept, next.secrets, &objs, cfg.ACME != nil, b.last.resolution)
	next.grants = grantNames(next.bounded.kept, next.domains.limits, cfg, extra.Incumbents, b.last.grants)
	next.defaults = makeDefaults(next.secrets, &objs, cfg, b.last.defaults)
	next.issued = findIssued(next.stored, &objs, b.last.issued)
	next.hosts = makeHosts(next.grants, next.resolution, next.defaults.common, next.issued, b.last.hosts)
	next.backends = makeBackends(next.hosts, objs.Services, objs.Slices, next.secrets, &objs, cfg, b.last.backends)
	next.announced = announce(objs.Services, cfg, b.last.announced)
	next.issuing = makeIssuing(next.hosts, next.stored, next.issued, next.secrets, next.announced, cfg, b.last.issuing)
	next.secured = findSecured(next.hosts.list, cfg, b.last.secured)
	next.views = makeViews(next.grants, next.announced, next.secured.records, next.stored.challenges, cfg, b.last.views)
	next.collectProblems(&objs, cfg, &b.last)
	b.last = next

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
		Problems:            next.shown,
		RebuildAt:           earliest(objs.Now, firstDeadline(next.resolution.deadlines), next.defaults.until, firstDeadline(next.issued.deadlines)),
	}
}

// Claimants returns the objects that the last Build found to ask for names,
// without what was withheld.
func (b *Builder) Claimants() Claimants {
	if b.last.claimants == nil {
		return Claimants{}
	}
	return b.last.claimants.source
}

// Held returns who has which name after the last Build, which happened at a
// moment. Last is what it returned before; the zero Held stands for a first start.
func (b *Builder) Held(last Held, at time.Time) Held { return b.last.grants.held(last, at) }

// collectProblems follows the results of all steps.
func (m *memo) collectProblems(objs *objects.Objects, cfg *objects.Config, last *memo) {
	e := problemEdit{last.problems.Edit()}
	m.sources = [][]gatelodge.Problem{
		objs.Problems, cfg.Problems, m.reading.Problems, m.domains.problems,
		m.defaults.problems, m.announced.problems, m.issuing.problems,
	}
	before := last.sources
	if before == nil {
		before = make([][]gatelodge.Problem, len(m.sources))
	}
	for i, now := range m.sources {
		e.replace(before[i], now)
	}
	if last.hosts == nil {
		last = &memo{reading: &intent.Reading{}, stored: &stored{}, resolution: &resolution{}, bounded: &bounded{}, grants: &grants{}, hosts: &hosts{}, backends: &backends{}, issuing: &issuing{}}
	}
	follow(e, m.reading.Claimants, last.reading.Claimants, (*intent.Claimant).Problems)
	follow(e, m.reading.Unknown, last.reading.Unknown, one)
	follow(e, m.stored.items, last.stored.items, (*storedItem).wrong)
	follow(e, m.resolution.results, last.resolution.results, (*resolved).wrong)
	follow(e, m.bounded.wrong, last.bounded.wrong, (*told).wrong)
	follow(e, m.grants.wrong, last.grants.wrong, (*told).wrong)
	follow(e, m.hosts.results, last.hosts.results, (*hostResult).wrong)
	follow(e, m.backends.results, last.backends.results, (*backendResult).wrong)
	follow(e, m.backends.told, last.backends.told, (*told).wrong)
	follow(e, m.issuing.told, last.issuing.told, (*told).wrong)
	m.views.followProblems(e, last.views)
	m.problems = e.Map()
	shown := last.shown.Edit()
	for p, change := range m.problems.Changes(last.problems) {
		shown.Set(p, change.After > 0)
	}
	m.shown = shown.Map()
}
