package intent

import (
	"cmp"
	"fmt"
	"time"

	gatelodge "gatelodge.dev"
)

// Applicant is an object that asks for names.
type Applicant struct {
	Object gatelodge.Object
	Since  time.Time // its creation: the older of two claims is granted
}

// Compare orders applicants by age; namespace and name decide between two that
// were created within the same second.
func (a *Applicant) Compare(b *Applicant) int {
	return cmp.Or(
		a.Since.Compare(b.Since),
		cmp.Compare(a.Object.Namespace, b.Object.Namespace),
		cmp.Compare(a.Object.Name, b.Object.Name),
		cmp.Compare(a.Object.UID, b.Object.UID),
	)
}

func Refuse(a *Applicant, reason gatelodge.Reason, format string, args ...any) *gatelodge.Problem {
	return &gatelodge.Problem{Object: a.Object, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func (a *Applicant) Who() *Applicant { return a }
