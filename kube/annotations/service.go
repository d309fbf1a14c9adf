package annotations

import (
	"fmt"
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
)

// OurController is what the annotation "controller" says, if anything, where
// ExternalDNS, and so we, are meant.
const OurController = "dns-controller"

// WithdrawAnnotation, on a Service, lists addresses of its load balancer that are
// about to go and that no answer names any more.
const WithdrawAnnotation = OwnPrefix + "withdraw-addresses"

// serviceRows lists the annotations of ExternalDNS that say more of the
// names of a Service.
func serviceRows() []row {
	table := []row{
		{"access", "public or private", oneOf(func(a *Asked) *string { return &a.Records.Access }, "public", "private"), false, "", ""},
		{"endpoints-type", "NodeExternalIP or HostIP", oneOf(func(a *Asked) *string { return &a.Records.Endpoints }, "NodeExternalIP", "HostIP"), false, "", ""},
	}
	for _, row := range recordRows() {
		if row.name == "ttl" || row.name == "target" {
			table = append(table, row)
		}
	}
	return table
}

// oneOf reads one of a few words.
func oneOf(field func(*Asked) *string, words ...string) func(*Asked, string) error {
	return func(a *Asked, value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("is not %s", strings.Join(words, " or "))
		}
		*field(a) = value
		return nil
	}
}

// ExternalDNS finds an annotation of ExternalDNS; the newer prefix wins.
func ExternalDNS(annotations map[string]string, name string) (key, value string, ok bool) {
	for _, prefix := range []string{ExternalDNSPrefix, ExternalDNSAlpha} {
		if value, ok := annotations[prefix+name]; ok {
			return prefix + name, strings.TrimSpace(value), true
		}
	}
	return "", "", false
}

// ReadService reads what a Service says of the names that it gives itself.
func ReadService(service map[string]string, tell Report) RecordsAsk {
	var a Asked
	for _, row := range serviceRows() {
		if key, value, ok := ExternalDNS(service, row.name); ok {
			if err := row.set(&a, value); err != nil {
				tell(gatelodge.BadAnnotation, "annotation %s: %.60q %v, expected %s", key, value, err, row.expects)
			}
		}
	}
	return a.Records
}

// SaysMoreOfService reports whether an annotation of ExternalDNS says more of the
// names of a Service.
func SaysMoreOfService(name string) bool {
	return slices.ContainsFunc(serviceRows(), func(row row) bool { return row.name == name })
}
