package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/intent"
)

// Status is the state of a Guard; zero: it holds nothing.
type Status struct {
	Holding bool
	Hosts   []gatelodge.Name   // that are withheld, sorted
	Objects []gatelodge.Object // that are kept because a whole list lacked them

	Starting      bool // nothing is served yet …
	There, Before int  // … because of so few hosts, where so many were served

	Hash  string    // for the confirmation
	Until time.Time // when it goes ahead without a confirmation
}

// maxListed limits the names in one text.
const maxListed = 200

// String returns a sentence without a full stop, and "" if the Guard holds nothing.
func (s *Status) String() string {
	what := s.what()
	if what == "" {
		return ""
	}
	return fmt.Sprintf("%s; it goes ahead at %s, or when %s is confirmed%s",
		what, s.Until.UTC().Format(time.RFC3339), s.Hash, s.list())
}

func (s *Status) what() string {
	switch {
	case s.Starting:
		return fmt.Sprintf("the guard puts off the start, because there are %d hosts where %d were served", s.There, s.Before)
	case !s.Holding:
		return ""
	case len(s.Hosts) > 0:
		return fmt.Sprintf("the guard holds the withdrawal of %d hosts", len(s.Hosts))
	}
	return fmt.Sprintf("the guard holds the withdrawal of %d objects that hosts need", len(s.Objects))
}

func (s *Status) list() string {
	var items []string
	for _, name := range s.Hosts {
		items = append(items, strings.TrimPrefix(intent.HostName(name), "host "))
	}
	if len(items) == 0 {
		for _, o := range s.Objects {
			items = append(items, o.String())
		}
	}
	more := ""
	if len(items) > maxListed {
		more = fmt.Sprintf(" and %d more", len(items)-maxListed)
		items = items[:maxListed]
	}
	if len(items) == 0 {
		return ""
	}
	return ": " + strings.Join(items, ", ") + more
}

func (s *Status) problem() gatelodge.Problem {
	return gatelodge.Problem{Object: gatelodge.Object{Kind: "Guard", Name: "withdrawal"}, Reason: gatelodge.WithdrawalHeld, Message: s.String()}
}

// Status returns the current state of the Guard.
func (g *Guard) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

// show publishes the status.
func (g *Guard) show(status Status) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.status = status
	if !status.Holding && !status.Starting {
		g.confirmed = false
	}
}

// The errors of Confirm.
var (
	ErrNothingHeld = errors.New("the guard holds nothing")
	ErrOtherHash   = errors.New("the list of the guard has changed")
)

// Confirm confirms what is held, for the next Build. hash is that of the list; "" means
// whatever is held now. It returns the hash of what it confirmed.
func (g *Guard) Confirm(hash string) (confirmed string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.status.Holding && !g.status.Starting:
		return "", ErrNothingHeld
	case hash != "" && hash != g.status.Hash:
		return "", fmt.Errorf("%w: its hash is %s", ErrOtherHash, g.status.Hash)
	}
	g.confirmed = true
	return g.status.Hash, nil
}

// hashOfLines returns a hash that is short enough to type.
func hashOfLines(lines []string) string {
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:6])
}
