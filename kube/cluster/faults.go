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

// faults is what goes wrong now between the gateway and the API server. Each
// fault is logged when it begins and when it is over, however often it is met
// in between: everything is tried again and again.
type faults struct {
	log *slog.Logger

	mu      sync.Mutex
	changed func() // after a fault began or ended; nil: nobody wants to know
	current map[string]fault
}

// fault is one thing that is wrong.
type fault struct {
	class    string // faults of one class are the same one, whatever the words
	sentence string
}

// The subjects of faults that are not about one kind of object.
const (
	serverSubject   = "API server"
	accountSubject  = "account"
	unreachable     = "unreachable"
	unauthorized    = "unauthorized"
	terminatingNote = "is being deleted"
)

func newFaults(log *slog.Logger) *faults {
	return &faults{log: log, current: make(map[string]fault)}
}

// onChange has changed called after a fault began or ended.
func (f *faults) onChange(changed func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed = changed
}

// Note takes in how a request went. subject is what it was about, such as
// "list ingresses"; a nil err says that all is well with it.
func (f *faults) Note(subject string, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, gatelodge.ErrConflict) || errors.Is(err, gatelodge.ErrNotFound) {
		return // as of API errors of these kinds
	}
	if err == nil {
		f.end(serverSubject, accountSubject, subject)
		return
	}
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, errNotOurs):
		f.end(serverSubject, accountSubject)
		f.begin(subject, fault{"not ours", fmt.Sprintf("can't %s: %v", subject, err)})
		return
	case !errors.As(err, &status):
		f.begin(serverSubject, fault{unreachable, fmt.Sprintf("the API server can't be reached: %v", innermost(err))})
		return
	case apierrors.IsUnauthorized(err):
		f.end(serverSubject)
		f.begin(accountSubject, fault{unauthorized, "the API server does not accept the gateway's credentials, which may have expired: " + err.Error()})
		return
	}
	f.end(serverSubject, accountSubject)
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err),
		apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.IsTooManyRequests(err):
		return // each is handled where it is met, and none needs anybody's help
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		f.begin(subject, fault{terminatingNote, fmt.Sprintf("can't %s: the namespace %s", subject, terminatingNote)})
	default:
		f.begin(subject, fault{string(apierrors.ReasonForError(err)), fmt.Sprintf("can't %s: %v", subject, err)})
	}
}

// innermost leaves out what differs from request to request: the URL.
func innermost(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

func (f *faults) begin(subject string, now fault) {
	f.mu.Lock()
	before, known := f.current[subject]
	f.current[subject] = now
	changed := f.changed
	f.mu.Unlock()
	if known && before.class == now.class {
		return
	}
	f.log.Warn("cluster", "problem", now.sentence, "retry", "with back-off")
	if changed != nil {
		changed()
	}
}

func (f *faults) end(subjects ...string) {
	var ended []string
	f.mu.Lock()
	for _, subject := range subjects {
		if _, ok := f.current[subject]; ok {
			delete(f.current, subject)
			ended = append(ended, subject)
		}
	}
	changed := f.changed
	f.mu.Unlock()
	for _, subject := range ended {
		f.log.Info("cluster: problem resolved", "about", subject)
	}
	if len(ended) > 0 && changed != nil {
		changed()
	}
}

// problems lists the faults as Problems.
func (f *faults) problems() []gatelodge.Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	var problems []gatelodge.Problem
	for subject, now := range f.current {
		problems = append(problems, gatelodge.Problem{
			Object:  gatelodge.Object{Kind: "Cluster", Name: subject},
			Reason:  gatelodge.SourceFailed,
			Message: now.sentence,
		})
	}
	slices.SortFunc(problems, func(a, b gatelodge.Problem) int { return cmp.Compare(a.Object.Name, b.Object.Name) })
	return problems
}

// String joins the sentences of the faults.
func (f *faults) String() string {
	var sentences []string
	for _, p := range f.problems() {
		sentences = append(sentences, p.Message)
	}
	return strings.Join(sentences, "; ")
}
