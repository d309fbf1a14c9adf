package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"gatelodge.dev"
	"gatelodge.dev/tls/budget"
)

const (
	// bundleTime limits an attempt to get a certificate for several names.
	bundleTime = time.Hour
	// maxPasses limits the orders of such an attempt. Each but the last is without names
	// that the CA refused.
	maxPasses = 5
)

// bundle is an attempt to get one certificate for several names of a namespace.
type bundle struct {
	*term
	issuing *gatelodge.Issuing
	at      attempt
	client  *client
	placed  bool      // the latest order was
	members []*member // that are to be in the certificate; the item of the first holds the order
	all     []*member
}

// member is a name of a bundle.
type member struct {
	issuance *gatelodge.Issuance
	item     *issuanceItem
	types    []gatelodge.ChallengeType // by which the CA may still validate it, the next one first
	over     bool                      // it has its certificate, or was left out
	forbids  bool                      // CAA records forbid the order
	wait     time.Duration             // until its next attempt
}

// processBundle makes an attempt for several names, and then wakes Run.
func (t *term) processBundle(ctx context.Context, issuing *gatelodge.Issuing, issuances []*gatelodge.Issuance, at attempt) {
	b := &bundle{term: t, issuing: issuing, at: at}
	for _, i := range issuances {
		b.all = append(b.all, &member{issuance: i, wait: time.Second}) // for the Snapshot to include what is stored
	}
	b.members = slices.Clone(b.all)
	limited, cancel := context.WithTimeout(ctx, bundleTime)
	err := b.obtain(limited)
	b.at.release()
	cancel()
	most := 0
	if err != nil && ctx.Err() == nil {
		most = b.failedTogether(ctx, err)
	}
	t.mu.Lock()
	for _, m := range b.all {
		s := t.names[m.issuance.Key()]
		if err == nil {
			m.wait = max(m.wait, s.renewed(m.issuance.Certificate, time.Now()))
		}
		s.next = time.Now().Add(m.wait)
		if !isAuthorityError(err) {
			s.faults = 0
		}
		s.forbidden = m.forbids
		s.open = err != nil && !m.over
	}
	turn := t.names[b.all[0].issuance.Key()].turn
	if err == nil {
		turn.widen()
	} else if most > 0 {
		turn.most = most
	}
	for _, m := range b.all {
		t.queue.end(t.names[m.issuance.Key()])
	}
	for _, m := range b.all {
		t.schedule(m.issuance.Key())
		t.schedule(m.issuance.Key().Other())
	}
	t.mu.Unlock()
	t.finished.Raise()
}

// obtain gets the certificate: it completes the stored order, or places one. Names that
// the CA refuses are left out, and the rest is ordered again: the CA knows already that
// it is ours (RFC 8555 §7.5.1).
func (b *bundle) obtain(ctx context.Context) error {
	for _, m := range b.all {
		var err error
		if m.item, err = b.load(ctx, m.issuance.Key()); err != nil {
			return err
		}
		m.item.disown(m.issuance)
	}
	head := b.members[0].item
	b.at.completeAt(b.term, head)
	var err error
	if b.client, err = b.clientFor(ctx, b.at.authority); err != nil {
		return err
	}
	if err := b.permitAll(ctx); err != nil {
		return err
	}
	stored, order, err := b.resumeAll(ctx, head)
	for pass := 1; ; pass++ {
		refused := make(map[*member]error)
		if err == nil && order == nil {
			b.settle(func(m *member) bool { return m.item.isFresh(time.Now(), m.issuance) }) // the Snapshot does not include it yet
			if len(b.members) == 0 {
				return nil
			}
			stored, order, err = b.openAll(ctx)
		}
		b.placed = err == nil
		if err == nil {
			b.authorityRecovered(ctx, b.at.authority)
			err = b.completeAll(ctx, stored, order, refused)
		}
		if err != nil && len(refused) == 0 {
			b.blame(err, refused)
		}
		if len(refused) == 0 {
			return err
		}
		if err := b.leaveOut(ctx, refused); err != nil || len(b.members) == 0 || pass == maxPasses {
			return err
		}
		order, err = nil, nil
	}
}

// settle leaves those out of what is to be done that are done.
func (b *bundle) settle(isDone func(m *member) bool) {
	b.members = slices.DeleteFunc(b.members, func(m *member) bool {
		m.over = m.over || isDone(m)
		return m.over
	})
}

// order is the order for the names that are left, as it is counted.
func (b *bundle) order() budget.Order {
	var left []*gatelodge.Issuance
	for _, m := range b.members {
		left = append(left, m.issuance)
	}
	return orderOf(left...)
}

// permitAll leaves out the names for which CAA records forbid the order.
func (b *bundle) permitAll(ctx context.Context) error {
	var looking sync.WaitGroup
	errs := make([]error, len(b.members))
	slots := make(chan struct{}, maxOrders)
	for n, m := range b.members {
		looking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			m.types, errs[n] = b.typesFor(ctx, b.client, b.issuing, m.issuance)
		})
	}
	looking.Wait()
	refused := make(map[*member]error)
	for n, err := range errs {
		var forbids caaForbids
		if errors.As(err, &forbids) {
			refused[b.members[n]], b.members[n].forbids = err, true
		} else if err != nil {
			return err
		}
	}
	b.tell(ctx, refused)
	return nil
}

// resumeAll returns the stored order if it can be completed, and nil otherwise: all its
// names have to be asked for still, or to have got the certificate from it before.
func (b *bundle) resumeAll(ctx context.Context, head *issuanceItem) (*storedOrder, *acme.Order, error) {
	var begun storedOrder
	if json.Unmarshal(head.Order, &begun) != nil || len(b.members) == 0 || b.members[0].item != head {
		return nil, nil, nil
	}
	hasKey := func(k *issuanceItem) bool { return string(k.Key) == begun.Key }
	for _, name := range head.With {
		at := slices.IndexFunc(b.members, func(m *member) bool { return m.issuance.Name == name })
		if at >= 0 {
			continue
		}
		k, err := b.load(ctx, gatelodge.IssuanceKey{Name: name, Second: head.Second})
		if err != nil {
			return nil, nil, err
		}
		if !hasKey(k) {
			b.config.Log.Info("an order is given up, because it is for a name that is no longer asked for", "name", string(name), "order", begun.URL)
			return nil, nil, nil
		}
	}
	stored, order, err := b.resume(ctx, b.client, head)
	if order != nil {
		b.settle(func(m *member) bool {
			return m.item != head && (hasKey(m.item) || !slices.Contains(head.With, m.issuance.Name))
		})
	}
	return stored, order, err
}

// openAll places an order for the names that are left.
func (b *bundle) openAll(ctx context.Context) (*storedOrder, *acme.Order, error) {
	head := b.members[0]
	head.item.With = nil
	for _, m := range b.members[1:] {
		head.item.With = append(head.item.With, m.issuance.Name)
	}
	if o := b.order(); !slices.Equal(o.Names, b.at.order.Names) {
		b.at.release()
		b.at.reservation = b.at.authority.allowance.reserve(o, time.Now(), false)
	}
	return b.open(ctx, b.client, b.issuing, head.issuance, head.item, head.types[0], b.at.reservation)
}

// completeAll does what is left to do for an order and stores the certificate. It adds
// to refused the names that the CA could not validate.
func (b *bundle) completeAll(ctx context.Context, stored *storedOrder, order *acme.Order, refused map[*member]error) error {
	key, err := decodeKey([]byte(stored.Key))
	if err != nil {
		return orderOver{fmt.Errorf("the key of the order: %w", err)}
	}
	if order.Status == acme.StatusPending {
		if err := b.authorizeAll(ctx, order.AuthzURLs, refused); err != nil || len(refused) > 0 {
			return err
		}
	}
	names := b.members[0].item.names()
	chain, leaf, err := b.fetch(ctx, b.client, b.members[0].issuance, stored.URL, names, key)
	if err != nil {
		return err
	}
	// The item that holds the order is the last to be written, so that the next leader
	// completes what this one has begun.
	for _, m := range slices.Backward(b.members) {
		k := m.item
		k.issued(chain, stored.Key, b.client.account.Directory)
		if len(names) > 1 {
			k.Namespace = askingOf(m.issuance).namespace
		}
		if err := b.save(ctx, k); err != nil {
			return err
		}
	}
	b.config.Log.Info("a certificate was issued", "names", len(names), "first", string(names[0]), "until", leaf.NotAfter.UTC(), "issuer", leaf.Issuer.String())
	b.settle(func(*member) bool { return true })
	return nil
}

// names lists the names that the order of an item is for.
func (k *issuanceItem) names() []gatelodge.Name {
	return append([]gatelodge.Name{k.Name}, k.With...)
}

// disown drops a certificate that is shared by hosts of another namespace than the one
// that asks now.
func (k *issuanceItem) disown(i *gatelodge.Issuance) {
	if k.Namespace != "" && k.Namespace != askingOf(i).namespace {
		k.Chain, k.Key, k.Window, k.Directory, k.Namespace = nil, nil, nil, "", ""
	}
}

// issued takes in a certificate that was issued for the name.
func (k *issuanceItem) issued(chain [][]byte, key, directory string) {
	k.Chain, k.Key, k.Order, k.With, k.Failure, k.Window = encodeChain(chain), []byte(key), nil, nil, nil, nil
	k.Namespace, k.Directory, k.Elsewhere = "", directory, nil
}

// texts returns names as text.
func texts(names []gatelodge.Name) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = string(name)
	}
	return list
}
