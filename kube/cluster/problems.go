package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	gatelodge "gatelodge.dev"
)

// problems contains the current failures between the gateway and the API server. Each
// is logged when it begins and when it is over, however often it occurs in between,
// because everything is retried.
type problems struct {
	log *slog.Logger

	mu      sync.Mutex
	changed func() // after a problem began or ended; may be nil
	current map[string]problem
}

// problem is one failure.
type problem struct {
	class    string // problems of one class are the same, whatever their text
	sentence string
}

// The subjects of problems that are not about one kind of object.
const (
	serverSubject   = "API server"
	accountSubject  = "account"
	unreachable     = "unreachable"
	unauthorized    = "unauthorized"
	terminatingNote = "is being deleted"
)

func newProblems(log *slog.Logger) *problems {
	return &problems{log: log, current: make(map[string]problem)}
}

// onChange sets the function to be called after a problem began or ended.
func (p *problems) onChange(changed func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = changed
}

// note records the result of a request. subject is what it was about, such as "list
// ingresses"; a nil err means success.
func (p *problems) note(subject string, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, gatelodge.ErrConflict) || errors.Is(err, gatelodge.ErrNotFound) {
		return // as for API errors of these kinds
	}
	if err == nil {
		p.end(serverSubject, accountSubject, subject)
		return
	}
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, errNotOurs):
		p.end(serverSubject, accountSubject)
		p.begin(subject, problem{"not ours", fmt.Sprintf("can't %s: %v", subject, err)})
		return
	case !errors.As(err, &status):
		p.begin(serverSubject, problem{unreachable, fmt.Sprintf("the API server can't be reached: %v", innermost(err))})
		return
	case apierrors.IsUnauthorized(err):
		p.end(serverSubject)
		p.begin(accountSubject, problem{unauthorized, "the API server does not accept the gateway's credentials, which may have expired: " + err.Error()})
		return
	}
	p.end(serverSubject, accountSubject)
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err),
		apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.IsTooManyRequests(err):
		return // each is handled where it occurs, and needs no attention
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		p.begin(subject, problem{terminatingNote, fmt.Sprintf("can't %s: the namespace %s", subject, terminatingNote)})
	default:
		p.begin(subject, problem{string(apierrors.ReasonForError(err)), fmt.Sprintf("can't %s: %v", subject, err)})
	}
}

// innermost removes what differs from request to request: the URL.
func innermost(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

func (p *problems) begin(subject string, now problem) {
	p.mu.Lock()
	before, known := p.current[subject]
	p.current[subject] = now
	changed := p.changed
	p.mu.Unlock()
	if known && before.class == now.class {
		return
	}
	p.log.Warn("cluster", "problem", now.sentence, "retry", "with back-off")
	if changed != nil {
		changed()
	}
}

func (p *problems) end(subjects ...string) {
	var ended []string
	p.mu.Lock()
	for _, subject := range subjects {
		if _, ok := p.current[subject]; ok {
			delete(p.current, subject)
			ended = append(ended, subject)
		}
	}
	changed := p.changed
	p.mu.Unlock()
	for _, subject := range ended {
		p.log.Info("cluster: problem resolved", "about", subject)
	}
	if len(ended) > 0 && changed != nil {
		changed()
	}
}

// list returns the problems as Problems.
func (p *problems) list() []gatelodge.Problem {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []gatelodge.Problem
	for subject, now := range p.current {
		list = append(list, gatelodge.Problem{
			Object:  gatelodge.Object{Kind: "Cluster", Name: subject},
			Reason:  gatelodge.SourceFailed,
			Message: now.sentence,
		})
	}
	slices.SortFunc(list, func(a, b gatelodge.Problem) int { return cmp.Compare(a.Object.Name, b.Object.Name) })
	return list
}

// String joins the sentences of the problems.
func (p *problems) String() string {
	var sentences []string
	for _, one := range p.list() {
		sentences = append(sentences, one.Message)
	}
	return strings.Join(sentences, "; ")
}
