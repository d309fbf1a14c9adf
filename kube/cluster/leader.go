package cluster

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// The times of the election. A leader that can't renew for renewTime stops before its
// Lease expires, so that there are never two; the others check every retryTime whether
// it has expired.
const (
	leaseTime = 10 * time.Second
	renewTime = 6 * time.Second
	retryTime = time.Second
)

// Election makes one of the replicas the leader, by the Lease NAME-leader. It
// is a gatelodge.Leading.
type Election struct {
	cluster *Cluster
	id      string // of this process: the container's next process is another candidate
}

// Election returns the election among the gateway's replicas.
func (c *Cluster) Election() *Election {
	return &Election{cluster: c, id: c.Cfg.Pod + "_" + cmp.Or(c.Cfg.Candidate, rand.Text()[:8])}
}

// Lead takes part in the election until ctx ends. It gives up the Lease only
// when run has returned, and then at once, so that the next leader need not
// wait. While the API server can't be reached, no replica becomes the leader.
func (e *Election) Lead(ctx context.Context, run func(ctx context.Context)) error {
	ctx = quietly(ctx, e.cluster.Cfg.Log)
	for ctx.Err() == nil {
		if err := e.term(ctx, run); err != nil {
			return fmt.Errorf("leader election: %w", err)
		}
	}
	return nil
}

// term stands for election once, and leads until it loses the leadership or ctx ends.
func (e *Election) term(ctx context.Context, run func(ctx context.Context)) error {
	lock := e.lock()
	var running sync.Mutex // held while run runs
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:          lock,
		LeaseDuration: leaseTime,
		RenewDeadline: renewTime,
		RetryPeriod:   retryTime,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				running.Lock()
				defer running.Unlock()
				if ctx.Err() != nil {
					return // the term ended before it began
				}
				e.cluster.Cfg.Log.Info("leading", "lease", lock.Describe())
				e.cluster.leader.Set(1)
				defer e.cluster.leader.Set(0)
				run(ctx)
				e.cluster.Cfg.Log.Info("no longer leading", "lease", lock.Describe())
			},
			OnStoppedLeading: func() {}, // the context reports it
		},
	})
	if err != nil {
		return err
	}
	elector.Run(ctx)
	running.Lock() // run has returned, and does not start any more
	defer running.Unlock()
	e.release(ctx, lock)
	return nil
}

func (e *Election) lock() resourcelock.Interface {
	return &notedLock{e.cluster.problems, &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: e.cluster.Cfg.Namespace, Name: e.cluster.meta("leader", "").Name},
		Client:     e.cluster.Client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: e.id},
		Labels:     e.cluster.meta("leader", "leader").Labels,
	}}
}

// release gives up the Lease if this process holds it. client-go's own ReleaseOnCancel
// does so while run may still be working.
func (e *Election) release(ctx context.Context, lock resourcelock.Interface) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	record, _, err := lock.Get(ctx)
	if err != nil || record.HolderIdentity != e.id {
		return // already noted, or the Lease is another replica's
	}
	record.HolderIdentity = ""
	record.LeaseDurationSeconds = 1
	_ = lock.Update(ctx, *record) // already noted; the Lease expires by itself
}

// notedLock records the results of the requests for a Lease.
type notedLock struct {
	problems *problems
	resourcelock.Interface
}

func (l *notedLock) note(err error) error {
	l.problems.note("renew Lease "+l.Describe(), err)
	return err
}

func (l *notedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	return record, raw, l.note(err)
}

func (l *notedLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.note(l.Interface.Create(ctx, record))
}

func (l *notedLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.note(l.Interface.Update(ctx, record))
}
