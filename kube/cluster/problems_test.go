package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestProblemsAreLoggedOnce(t *testing.T) {
	resource := schema.GroupResource{Resource: "ingresses"}
	refused := func(port int) error {
		return &url.Error{Op: "Get", URL: "https://api/?x", Err: fmt.Errorf("connection refused by port %d", port)}
	}
	terminating := apierrors.NewForbidden(resource, "x", errors.New("no"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	type step struct {
		subject  string
		err      error
		log      string // what is told: a part of it; "": nothing
		problems int    // afterwards
	}
	for name, steps := range map[string][]step{
		"unreachable, whoever asks": {
			{"watch a", refused(1), "can't be reached: connection refused by port 1", 1},
			{"watch b", refused(2), "", 1},
			{"watch a", nil, "problem resolved", 0},
			{"watch b", nil, "", 0},
			{"watch a", refused(1), "can't be reached", 1},
		},
		"forbidden, each by itself": {
			{"watch a", apierrors.NewForbidden(resource, "", errors.New("no right")), "can't watch a: ", 1},
			{"watch b", nil, "", 1},
			{"watch a", apierrors.NewForbidden(resource, "", errors.New("no right")), "", 1},
			{"watch b", apierrors.NewForbidden(resource, "", errors.New("no right")), "can't watch b: ", 2},
			{"watch a", nil, "about=\"watch a\"", 1},
		},
		"credentials": {
			{"watch a", refused(1), "can't be reached", 1},
			{"watch a", apierrors.NewUnauthorized("expired"), "credentials", 1},
			{"watch b", apierrors.NewUnauthorized("expired"), "", 1},
			{"watch b", nil, "about=account", 0},
		},
		"the namespace goes": {
			{"write Events in namespace x", terminating, "can't write Events in namespace x: the namespace is being deleted", 1},
			{"write Events in namespace x", terminating, "", 1},
		},
		"what needs nobody's help": {
			{"watch a", apierrors.NewConflict(resource, "x", errors.New("changed")), "", 0},
			{"watch a", apierrors.NewResourceExpired("too old"), "", 0},
			{"watch a", apierrors.NewTooManyRequests("slowly", 1), "", 0},
			{"watch a", context.Canceled, "", 0},
			{"watch a", apierrors.NewInternalError(errors.New("etcd is gone")), "etcd is gone", 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			f := newProblems(slog.New(slog.NewTextHandler(&log, nil)))
			for i, s := range steps {
				log.Reset()
				f.note(s.subject, s.err)
				told := log.String()
				if s.log == "" && told != "" || !strings.Contains(told, s.log) {
					t.Errorf("step %d tells %q, want %q", i, told, s.log)
				}
				if problems := f.list(); len(problems) != s.problems {
					t.Errorf("after step %d the problems are %v, want %d", i, problems, s.problems)
				}
			}
		})
	}
}
