package objects

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
)

// CheckItemName refuses names that no object, and no file, can have.
func CheckItemName(name string) error {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return fmt.Errorf("item %.60q: expected a name of lower-case letters, digits, hyphens and dots", name)
	}
	return nil
}
