package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// owner describes which namespace has the name, and which others asked for it.
func (t *timeline) owner() *Step {
	s := &Step{Kind: Owner, Title: "Owner", State: OK}
	claims := t.claims
	if t.host != nil && t.host.Name != t.Name && t.host.Name != "" && claims.Owner.Kind == "" {
		above := t.Names.Claims(t.host.Name)
		claims.Owner, claims.Since, claims.Granted = above.Owner, above.Since, above.Granted
	}
	switch {
	case claims.Owner.Kind != "":
		s.Text = fmt.Sprintf("namespace %s has %s by %s%s", claims.Owner.Namespace, t.asHost(), claims.Owner, since(claims.Since))
	case t.host != nil && t.host.Name == "":
		s.State, s.Text = Info, fmt.Sprintf("no object asks for %s, and the host of every other name serves it", t.Name)
	case t.host != nil:
		s.State, s.Text = Info, fmt.Sprintf("%s is served by the configuration", t.asHost())
	}
	for _, o := range claims.Granted {
		if o != claims.Owner {
			s.add(OK, o.String(), "adds to the name")
		}
	}
	if i := slices.Index(t.Held.Hosts, t.Name); i >= 0 {
		s.worse(Warning, fmt.Sprintf("the objects that asked for %s are gone, and the withdrawal guard keeps serving it%s", t.Name, until(t.Held.Until)),
			advice[gatelodge.WithdrawalHeld])
	}
	state := Warning
	if s.Text == "" || t.host == nil || t.host.Name == "" {
		state = Broken
	}
	t.take(func(p gatelodge.Problem) bool { return slices.Contains(claims.Refused, p) }, reasonsOf(claims.Refused)...)
	s.tell(state, claims.Refused)
	s.tell(state, t.take(nil, gatelodge.BadHost, gatelodge.HostTaken, gatelodge.NameReserved, gatelodge.NameNotAllowed, gatelodge.UnknownClass))
	if state == Broken && len(claims.Refused) == 0 {
		t.whoNearlyAsks(s)
	}
	for _, p := range claims.Skipped {
		s.add(state, p.Object.String(), p.Why)
	}
	return s
}

// asHost names the host that serves the name.
func (t *timeline) asHost() string {
	if t.host != nil && t.host.Name != t.Name && t.host.Name != "" {
		return fmt.Sprintf("the wildcard %s, which matches the name", t.host.Name)
	}
	return "the name"
}

// whoNearlyAsks explains why a name has no host.
func (t *timeline) whoNearlyAsks(s *Step) {
	if len(t.claims.Skipped) > 0 {
		p := t.claims.Skipped[0]
		s.worse(Broken, fmt.Sprintf("%s asks for %s, but is not read by this gateway: %s", p.Object, t.Name, p.Why),
			"write a class of this gateway into spec.ingressClassName, or ask the operator")
		return
	}
	if t.host != nil && t.host.Name == "" {
		return // which serves it
	}
	for name := t.Name.Parent(); name != ""; name = name.Parent() {
		if wildcard := "*." + name; wildcard != t.Name.Wildcard() && t.Snapshot.Hosts.Get(wildcard) != nil {
			s.worse(Broken, fmt.Sprintf("no object asks for %s: the wildcard %s covers one label, and the name has more below it", t.Name, wildcard),
				fmt.Sprintf("add a rule for %s or for %s", t.Name, t.Name.Wildcard()))
			return
		}
	}
	text := fmt.Sprintf("no object asks for %s", t.Name)
	if near := t.nearest(); near != "" {
		text += fmt.Sprintf(", the nearest that is served is %s", near)
	}
	s.worse(Broken, text, "add a rule with this host to an Ingress, or correct the name")
}

// nearest returns the host with the most similar name, "" if none is similar.
func (t *timeline) nearest() (near gatelodge.Name) {
	best := 4 // more edits are too many
	for name := range t.Snapshot.Hosts.All() {
		if d := edits(string(name), string(t.Name), best); d < best {
			near, best = name, d
		}
	}
	return near
}

// edits returns the number of letters to change, add or remove to make one text of
// another (Levenshtein), or most if that is not less.
func edits(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
			least = min(least, row[j+1])
		}
		if least >= most {
			return most
		}
	}
	return min(row[len(b)], most)
}

func reasonsOf(problems []gatelodge.Problem) (reasons []gatelodge.Reason) {
	for _, p := range problems {
		reasons = append(reasons, p.Reason)
	}
	return reasons
}

// since formats when something began, "" if unknown. Objects of files have the year
// 1970.
func since(at time.Time) string {
	if at.Year() < 2000 {
		return ""
	}
	return ", since " + stamp(at)
}

func until(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " until " + stamp(at)
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// list joins a few texts, and adds the number of the rest.
func list[T ~string](items []T) string {
	const most = 8
	texts := make([]string, 0, most+1)
	for i, item := range items {
		if i == most {
			texts = append(texts, fmt.Sprintf("%d more", len(items)-most))
			break
		}
		texts = append(texts, string(item))
	}
	return cmp.Or(strings.Join(texts, ", "), "none")
}
