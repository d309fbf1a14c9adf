package report

import (
	"context"
	"maps"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	"k8s.io/client-go/util/workqueue"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/cluster"
	"gatelodge.dev/kube/objects"
)

// Reporter writes to the cluster what is served: the status of each Ingress, and
// Events. It reports only what a live Snapshot contains. The leader calls Run, which
// writes.
type Reporter struct {
	cluster *cluster.Cluster
	events  *eventWriter
	wake    gatelodge.Signal // there is a newer report

	mu     sync.Mutex
	latest *report // nil: nothing is served yet

	written map[types.UID]time.Time // the worker's alone: statuses of late
}

// NewReporter returns a Reporter for the cluster.
func NewReporter(c *cluster.Cluster) *Reporter {
	return &Reporter{cluster: c, events: newEventWriter(c), wake: gatelodge.NewSignal(), written: make(map[types.UID]time.Time)}
}

// Served records a live Snapshot and the objects that it was built from. Objects from
// disk are not reported, because the cluster may have others.
func (r *Reporter) Served(snapshot *gatelodge.Snapshot, objs objects.Objects) {
	if !objs.Remembered.IsZero() {
		return
	}
	r.mu.Lock()
	r.latest = newReport(snapshot, objs.Ingresses, r.latest)
	r.mu.Unlock()
	r.wake.Raise()
}

func (r *Reporter) report() *report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.latest
}

// Failed attempts for one Ingress wait longer each time. After a status was set, the
// next change waits, because another controller that also sets it may react at once.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	restTime   = 5 * time.Second
)

// reportPause is the minimum time between two checks: changes within it are reported
// once.
const reportPause = 250 * time.Millisecond

// Run reports until ctx ends. It starts by comparing everything, whatever an earlier
// leader has reported.
func (r *Reporter) Run(ctx context.Context) {
	queue := workqueue.NewTypedRateLimitingQueue(
		workqueue.NewTypedItemExponentialFailureRateLimiter[types.UID](firstRetry, lastRetry))
	events := r.events.begin()
	var working sync.WaitGroup
	working.Go(func() { r.writeStatuses(ctx, queue) })
	working.Go(func() { r.events.run(ctx, events) })
	defer working.Wait()
	defer queue.ShutDown()
	defer events.ShutDown()
	var told *report
	for {
		if report := r.report(); report != nil && !report.tellsTheSame(told) {
			for uid := range report.news(told) {
				if ingress := report.ingress(uid); ingress != nil && report.differs(ingress) {
					queue.Add(uid)
				}
			}
			r.events.observe(report)
			told = report
		}
		select {
		case <-time.After(reportPause):
		case <-ctx.Done():
			return
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
	}
}

// writeStatuses writes the status of Ingresses whose UIDs are in the queue,
// one after the other.
func (r *Reporter) writeStatuses(ctx context.Context, queue workqueue.TypedRateLimitingInterface[types.UID]) {
	for {
		uid, shutdown := queue.Get()
		if shutdown || ctx.Err() != nil {
			return
		}
		switch rest, err := r.writeStatus(ctx, uid); {
		case err != nil:
			queue.AddRateLimited(uid)
		case rest > 0:
			queue.AddAfter(uid, rest)
		default:
			queue.Forget(uid)
		}
		queue.Done(uid)
	}
}

// writeStatus sets the status of an Ingress to that of the latest report, or returns
// how long to wait before that.
func (r *Reporter) writeStatus(ctx context.Context, uid types.UID) (rest time.Duration, err error) {
	report := r.report()
	ingress := report.ingress(uid)
	if ingress == nil || !report.differs(ingress) {
		return 0, nil // it is gone, or correct already
	}
	// An empty status removes what this field manager applied, and nothing of others.
	// The UID prevents an Ingress that was deleted and created again from getting the
	// status of the other.
	apply := networkingv1ac.Ingress(ingress.Name, ingress.Namespace).WithUID(uid)
	addresses := report.addresses(ingress)
	if len(addresses) > 0 {
		if rest := restTime - time.Since(r.written[uid]); rest > 0 {
			return rest, nil
		}
		balancer := networkingv1ac.IngressLoadBalancerStatus()
		for _, address := range addresses {
			balancer.WithIngress(networkingv1ac.IngressLoadBalancerIngress().WithIP(address.String()))
		}
		apply.WithStatus(networkingv1ac.IngressStatus().WithLoadBalancer(balancer))
	}
	c := r.cluster
	_, err = c.Client.NetworkingV1().Ingresses(ingress.Namespace).ApplyStatus(ctx, apply,
		metav1.ApplyOptions{FieldManager: c.FieldManager(), Force: true})
	c.Note("write the status of Ingresses in namespace "+ingress.Namespace, err)
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return 0, nil // it is gone, or replaced by another
	}
	if err != nil {
		return 0, err
	}
	c.Cfg.Log.Info("status", "ingress", objects.KeyOf(ingress).String(), "addresses", addresses)
	maps.DeleteFunc(r.written, func(_ types.UID, at time.Time) bool { return time.Since(at) >= restTime })
	r.written[uid] = time.Now()
	return 0, nil
}
