package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/workqueue"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/cluster"
	"gatelodge.dev/kube/intent"
	"gatelodge.dev/kube/objects"
)

// The reasons of Events.
const (
	problemReason = "Problem" // type Warning: a Problem of the object, whose Reason begins the message
	servingReason = "Serving" // type Normal: a host of the Ingress went live
)

const (
	// lastingTime is how long a problem has to last before it is reported. Objects that
	// were applied together arrive one by one.
	lastingTime = 3 * time.Second
	// eventInterval is the least time between two Events.
	eventInterval = 50 * time.Millisecond
	// maxEventMessage is what the API server accepts (core/v1 validation).
	maxEventMessage = 1024
)

// event is something to report about an object. Its name follows from it, so that it is
// reported once, whichever replica leads.
type event struct {
	object  gatelodge.Object
	reason  string
	message string
}

// eventWriter writes an Event for each new event.
type eventWriter struct {
	cluster *cluster.Cluster

	mu       sync.Mutex
	queue    workqueue.TypedRateLimitingInterface[event] // of this term; nil: this replica does not lead
	standing map[event]bool                              // current events; true: this leader saw it begin
	seen     *report
}

func newEventWriter(c *cluster.Cluster) *eventWriter { return &eventWriter{cluster: c} }

// begin drops the state of an earlier term.
func (w *eventWriter) begin() workqueue.TypedRateLimitingInterface[event] {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[event](firstRetry, lastRetry))
	w.standing, w.seen = make(map[event]bool), nil
	return w.queue
}

// observe compares the current events with the previous ones, and queues the new ones.
// The first report of a term contains what the previous leader reported: an Ingress
// with the gateway's status is already known as served, and a problem is written only
// if its Event no longer exists.
func (w *eventWriter) observe(r *report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first, before := w.seen == nil, w.seen
	if first {
		before = nothingTold()
	}
	ended := make(map[event]bool)
	begin := func(e event, after time.Duration, old bool) {
		delete(ended, e)
		if _, known := w.standing[e]; known {
			return
		}
		w.standing[e] = !first
		if !old {
			w.queue.AddAfter(e, after)
		}
	}
	news := r.news(w.seen)
	w.seen = r
	for uid := range news {
		for e := range before.servingEvents(uid) {
			ended[e] = true
		}
	}
	for problem, change := range r.snapshot.Problems.Changes(before.snapshot.Problems) {
		e, isTold := problemEvent(problem)
		switch {
		case !isTold:
		case change.After:
			begin(e, lastingTime, false)
		default:
			ended[e] = true
		}
	}
	for uid := range news {
		for e := range r.servingEvents(uid) {
			begin(e, 0, first && isReported(r.ingress(uid)))
		}
	}
	for e := range ended {
		delete(w.standing, e)
	}
}

// problemEvent returns the event for a problem; ok is false if the problem has no
// object in the cluster.
func problemEvent(p gatelodge.Problem) (e event, ok bool) {
	return event{p.Object, problemReason, gatelodge.Printable(string(p.Reason) + ": " + p.Message)}, p.Object.UID != "" && p.Object.Namespace != ""
}

// servingEvents yields the events for the hosts of an Ingress, none if it is gone.
func (r *report) servingEvents(uid types.UID) iter.Seq[event] {
	return func(yield func(event) bool) {
		ingress := r.ingress(uid)
		if ingress == nil {
			return
		}
		object := gatelodge.Object{Kind: "Ingress", Namespace: ingress.Namespace, Name: ingress.Name, UID: string(uid)}
		for host := range r.hosts(uid) {
			if !yield(event{object, servingReason, intent.HostName(host) + " is served"}) {
				return
			}
		}
	}
}

// run writes the queued events until the queue is shut down.
func (w *eventWriter) run(ctx context.Context, queue workqueue.TypedRateLimitingInterface[event]) {
	pace := time.NewTicker(eventInterval)
	defer pace.Stop()
	for {
		e, shutdown := queue.Get()
		if shutdown {
			return
		}
		if began, holds := w.holds(e); !holds {
			queue.Forget(e) // over before it was reported
		} else if err := w.write(ctx, e, began); err != nil {
			queue.AddRateLimited(e)
		} else {
			queue.Forget(e)
		}
		queue.Done(e)
		select {
		case <-pace.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *eventWriter) holds(e event) (began, holds bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	began, holds = w.standing[e]
	return began, holds
}

// write creates the Event. An existing one is repeated only if the event began again in
// this term; otherwise the previous leader has reported it.
func (w *eventWriter) write(ctx context.Context, e event, began bool) error {
	c := w.cluster
	events := c.Client.CoreV1().Events(e.object.Namespace)
	object := w.object(e)
	_, err := events.Create(ctx, object, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		err = nil
		if began {
			err = w.again(ctx, object)
		}
	}
	c.Note("write Events in namespace "+e.object.Namespace, err)
	if apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return nil // the namespace is gone
	}
	return err
}

// again updates an Event whose matter has returned.
func (w *eventWriter) again(ctx context.Context, object *corev1.Event) error {
	patch, err := json.Marshal(map[string]any{"lastTimestamp": object.LastTimestamp})
	if err != nil {
		return err
	}
	_, err = w.cluster.Client.CoreV1().Events(object.Namespace).Patch(ctx, object.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

func (w *eventWriter) object(e event) *corev1.Event {
	c := w.cluster
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\n%s\n%s\n%s", c.FieldManager(), e.object.UID, e.reason, e.message)))
	now := metav1.Now()
	kind := corev1.EventTypeWarning
	if e.reason == servingReason {
		kind = corev1.EventTypeNormal
	}
	message := e.message
	if len(message) > maxEventMessage {
		message = strings.ToValidUTF8(message[:maxEventMessage-3], "") + "..."
	}
	apiVersion := ""
	if kind := objects.KindOf(e.object.Kind); kind != nil {
		apiVersion = kind.APIVersion
	}
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: e.object.Namespace,
			Name:      strings.TrimRight(fmt.Sprintf("%.200s", e.object.Name), "-.") + "." + hex.EncodeToString(sum[:8]),
		},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: apiVersion, Kind: e.object.Kind, Namespace: e.object.Namespace, Name: e.object.Name, UID: types.UID(e.object.UID),
		},
		Type: kind, Reason: e.reason, Message: message,
		Source:         corev1.EventSource{Component: "gatelodge"},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		ReportingController: "gatelodge.dev/" + c.Cfg.Name,
		ReportingInstance:   c.Cfg.Pod,
	}
}
