package annotations

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// setShareHostWith reads the namespaces that are let in. A mistake in the list
// lets no one in, because it may be the one name that was meant otherwise.
func setShareHostWith(a *Asked, value string) error {
	var guests []string
	for item := range strings.SplitSeq(value, ",") {
		namespace := strings.TrimSpace(item)
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			return fmt.Errorf("holds %.60q, which is not a valid namespace name", namespace)
		}
		guests = append(guests, namespace)
	}
	a.Guests = guests
	return nil
}
