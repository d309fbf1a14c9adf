package annotations

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// ErrorPagesAsk is what the annotations say of errors.
type ErrorPagesAsk struct {
	Service  string // of the Ingress's namespace, that answers in place of errors; "": that of the configuration
	statuses []uint16
	ownOnly  bool
}

func errorPageRows() []row {
	return []row{
		{"custom-http-errors", "statuses from 300 to 599, separated by commas", setCustomErrors, false,
			"Errors with these statuses are answered by the Service of `default-backend`, or by `ingress.defaultBackend` of the configuration: those of the backend and those of the gateway ([fields.md](fields.md#error-pages)).", "The Service gets no body, and what else the Ingress says of fields holds for its answer too."},
		{"default-backend", "a Service of the same namespace", setDefaultBackend, false,
			"The Service, at its first port, for `custom-http-errors`, and for all requests while the Ingress's own has no endpoints.", ""},
		{"disable-proxy-intercept-errors", `"true" or "false"`, setOwnErrorsOnly, false,
			"What the backend answers is passed on, and `custom-http-errors` holds for the gateway's own errors; by default `false`.", ""},
	}
}

// DefaultBackend returns the Service that annotations of an Ingress name for errors, ""
// if they name none. What a class has by default is left out.
func DefaultBackend(of map[string]string) string {
	return strings.TrimSpace(of[decisive(of, "default-backend")])
}

func setCustomErrors(a *Asked, value string) (err error) {
	var statuses []uint16
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		status, wrong := strconv.ParseUint(item, 10, 16)
		switch {
		case item == "":
		case wrong != nil || status < 300 || status > 599:
			err = fmt.Errorf("holds %.20q, which is not the status of an error", item)
		default:
			statuses = append(statuses, uint16(status))
		}
	}
	slices.Sort(statuses)
	a.ErrorPages.statuses = slices.Compact(statuses)
	return err
}

func setDefaultBackend(a *Asked, value string) error {
	if name, err := syntax.ParseName(value); err != nil || name.IsWildcard() || strings.Contains(value, ".") {
		return errors.New("is not the name of a Service")
	}
	a.ErrorPages.Service = value
	return nil
}

func setOwnErrorsOnly(a *Asked, value string) (err error) {
	a.ErrorPages.ownOnly, err = syntax.ParseBool(value)
	return err
}

// Pages is what is asked for; nil: nothing. Its Backend is still to be set.
func (ask *ErrorPagesAsk) Pages() *gatelodge.ErrorPages {
	if len(ask.statuses) == 0 && ask.Service == "" {
		return nil
	}
	return &gatelodge.ErrorPages{Statuses: ask.statuses, OwnOnly: ask.ownOnly, StandIn: ask.Service != ""}
}
