package externaldns

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// serviceRows lists the annotations that say more of the names of a Service.
func serviceRows() []row {
	table := []row{
		{"access", "public or private", oneOf(func(a *Ask) *string { return &a.Access }, "public", "private")},
		{"endpoints-type", "NodeExternalIP or HostIP", oneOf(func(a *Ask) *string { return &a.Endpoints }, "NodeExternalIP", "HostIP")},
	}
	for _, row := range ingressRows() {
		if row.name == "ttl" || row.name == "target" {
			table = append(table, row)
		}
	}
	return table
}

// oneOf reads one of a few words.
func oneOf(field func(*Ask) *string, words ...string) func(*Ask, string) error {
	return func(a *Ask, value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("is not %s", strings.Join(words, " or "))
		}
		*field(a) = value
		return nil
	}
}

// ReadService reads what a Service says of the names that it gives itself.
func ReadService(service map[string]string, tell func(gatelodge.Reason, string, ...any)) Ask {
	return read(service, serviceRows(), tell)
}

// SaysMoreOfService reports whether an annotation says more of the names of a Service.
func SaysMoreOfService(name string) bool { return hasRow(serviceRows(), name) }
