package compile

import (
	"fmt"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/claims"
	"gatelodge.dev/kube/follow"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
	"gatelodge.dev/kube/publish"
	"gatelodge.dev/kube/stored"
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

// memo contains the result of each step of the last Build. Results are immutable. A
// step with the same inputs as last time, compared by their pointers, returns the same
// result.
type memo struct {
	reading *intent.Reading
	secrets *secretReader
	flaws   *flaws
	domains *claims.Domains
	stored  *stored.Items

	claimants  *claims.Joined
	bounded    *claims.Bounded
	resolution *resolution
	grants     *claims.Grants
	defaults   *defaults
	issued     *issued
	hosts      *hosts
	backends   *backends
	announced  *publish.Announced
	issuing    *issuing
	secured    *publish.Secured
	views      *publish.Views
	transfers  *publish.Transfers
	problems   follow.Problems
	sources    [][]gatelodge.Problem // those of problems that are not of results
	shown      gatelodge.Map[gatelodge.Problem, bool]
}

// Build compiles the objects into what is served. It never fails: a mistake in an
// object is a Problem in the Snapshot, and everything else is served.
func (b *Builder) Build(objs objects.Objects, cfg *objects.Config) *gatelodge.Snapshot {
	return b.BuildWith(objs, Extra{}, cfg)
}

// Extra is the further input of a build.
type Extra struct {
	Withheld   claims.Claimants // claims that objects no longer have, but that are still served
	Incumbents claims.Incumbents
}

// BuildWith compiles the objects together with the further input.
func (b *Builder) BuildWith(objs objects.Objects, extra Extra, cfg *objects.Config) *gatelodge.Snapshot {
	var next memo
	next.reading = b.Reader.Read(&objs, cfg, b.last.reading)
	next.stored = stored.Follow(&objs, cfg.ACME, b.last.stored)
	next.flaws = findFlaws(next.stored, &objs, cfg, b.last.flaws)
	next.secrets = followSecrets(objs.Secrets, next.flaws, &objs, b.last.secrets)
	next.domains = claims.ReadDomains(&objs, b.last.domains)

	next.claimants = claims.JoinClaimants(next.reading.Claimants, extra.Withheld, b.last.claimants)
	next.bounded = claims.KeepBounds(next.claimants.All, cfg.Bounds, b.last.bounded)
	next.resolution = resolve(next.bounded.Kept, next.secrets, &objs, cfg.ACME != nil, cfg.DefaultBackend, b.last.resolution)
	next.grants = claims.GrantNames(next.bounded.Kept, next.domains.Limits, cfg, extra.Incumbents, b.last.grants)
	next.defaults = makeDefaults(next.secrets, &objs, cfg, b.last.defaults)
	next.issued = findIssued(next.stored, next.flaws, &objs, b.last.issued)
	next.hosts = makeHosts(next.grants, next.resolution, next.defaults.common, next.issued, b.last.hosts)
	next.backends = makeBackends(next.hosts, objs.Services, objs.Slices, next.reading.SlicesOf, next.secrets, &objs, cfg, b.last.backends)
	next.announced = publish.Announce(objs.Services, objs.Leaving.At(objs.Now), cfg, b.last.announced)
	next.issuing = makeIssuing(next.hosts, next.stored, next.issued, next.secrets, next.announced, cfg, b.last.issuing)
	next.secured = publish.FindSecured(next.hosts.list, cfg, b.last.secured)
	next.views = publish.MakeViews(next.grants, next.announced, next.secured.Records, next.stored.Challenges, next.stored.Accounts, next.issuing.list, cfg, b.last.views)
	next.transfers = publish.MakeTransfers(objs.Secrets, cfg, b.last.transfers)
	next.collectProblems(&objs, cfg, &b.last)
	b.last = next

	return &gatelodge.Snapshot{
		Settings:            cfg.Settings,
		Listeners:           cfg.Listeners,
		Hosts:               next.hosts.list,
		Backends:            next.backends.list,
		Views:               next.views.List,
		Own:                 next.announced.Own,
		Withdrawn:           next.announced.Withdrawn,
		Levels:              cfg.Levels(),
		Transfers:           next.transfers.List,
		DefaultCertificates: next.defaults.common.certificates,
		Challenges:          next.stored.Challenges.List,
		ChallengesVersion:   next.stored.Challenges.Version,
		Issuing:             next.issuing.root,
		Problems:            next.shown,
		RebuildAt:           earliest(objs.Now, firstDeadline(next.resolution.deadlines), next.defaults.until, objs.Leaving.Next(objs.Now), firstDeadline(next.issued.deadlines)),
	}
}

// Claimants returns the objects that ask for names in the last Build, without withheld
// ones.
func (b *Builder) Claimants() claims.Claimants {
	if b.last.claimants == nil {
		return claims.Claimants{}
	}
	return b.last.claimants.Source
}

// Held returns the owners of names after the last Build, which happened at a given
// time. Last is the previous result; the zero Held means a first start.
func (b *Builder) Held(last claims.Held, at time.Time) claims.Held {
	return b.last.grants.Held(last, at)
}

// collectProblems collects the problems of all steps.
func (m *memo) collectProblems(objs *objects.Objects, cfg *objects.Config, last *memo) {
	e := follow.ProblemEdit{MapEdit: last.problems.Edit()}
	m.sources = [][]gatelodge.Problem{
		objs.Problems, cfg.Problems, m.reading.Problems, m.domains.Problems,
		m.defaults.problems, m.announced.Problems, m.issuing.problems, m.transfers.Problems, m.flaws.problems,
	}
	before := last.sources
	if before == nil {
		before = make([][]gatelodge.Problem, len(m.sources))
	}
	for i, now := range m.sources {
		e.Replace(before[i], now)
	}
	if last.hosts == nil {
		last = &memo{reading: &intent.Reading{}, stored: &stored.Items{}, resolution: &resolution{}, bounded: &claims.Bounded{}, grants: &claims.Grants{}, hosts: &hosts{}, backends: &backends{}, issuing: &issuing{}}
	}
	follow.ReplaceAll(e, m.reading.Claimants, last.reading.Claimants, (*intent.Claimant).Problems)
	follow.ReplaceAll(e, m.reading.Unknown, last.reading.Unknown, follow.One)
	follow.ReplaceAll(e, m.stored.All, last.stored.All, (*stored.Item).Problems)
	follow.ReplaceAll(e, m.resolution.results, last.resolution.results, (*resolved).wrong)
	follow.ReplaceAll(e, m.bounded.Wrong, last.bounded.Wrong, (*follow.Told).Wrong)
	follow.ReplaceAll(e, m.grants.Wrong, last.grants.Wrong, (*follow.Told).Wrong)
	follow.ReplaceAll(e, m.hosts.results, last.hosts.results, (*hostResult).wrong)
	follow.ReplaceAll(e, m.hosts.canaries, last.hosts.canaries, (*follow.Told).Wrong)
	follow.ReplaceAll(e, m.backends.results, last.backends.results, (*backendResult).wrong)
	follow.ReplaceAll(e, m.backends.told, last.backends.told, (*follow.Told).Wrong)
	follow.ReplaceAll(e, m.issuing.told, last.issuing.told, (*follow.Told).Wrong)
	m.views.FollowProblems(e, last.views)
	m.problems = e.Map()
	m.showProblems(last)
}

// maxShown limits the problems that are shown of one object.
const maxShown = 100

// showProblems selects the first problems of each object.
func (m *memo) showProblems(last *memo) {
	shown := last.shown.Edit()
	objects := make(map[gatelodge.Object]bool)
	for p, change := range m.problems.Changes(last.problems) {
		objects[p.Object] = true
		if change.After == 0 {
			shown.Set(p, false)
		}
	}
	for object := range objects {
		n := 0
		for p := range m.problems.From(gatelodge.Problem{Object: object}) {
			if p.Object != object {
				break
			}
			n++
			shown.Set(p, n <= maxShown)
		}
		more := gatelodge.Problem{Object: object, Reason: gatelodge.TooMuch, Message: fmt.Sprintf("it has more problems than the %d that are shown", maxShown)}
		shown.Set(more, n > maxShown)
	}
	m.shown = shown.Map()
}
