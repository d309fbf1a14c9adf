package annotations

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// HealthCheckAsk is what an Ingress says of how its backends are checked. What it
// leaves out is as the configuration says.
type HealthCheckAsk struct {
	given             bool // Kind was
	kind              gatelodge.CheckKind
	path, service     string
	interval, timeout time.Duration
}

func healthCheckRows() []row {
	return []row{
		{"health-check", `"off", "http", "grpc" or "tcp"`, setHealthCheck, false,
			"Ask the endpoints whether they work ([backends.md](backends.md#health-checks)); by default as the configuration's `healthCheck` says, which is `off`.", ""},
		{"health-check-path", "a path such as /healthz", setHealthCheckPath, false,
			"What a check of kind `http` requests, by default `/`.", ""},
		{"health-check-service", "the name of a gRPC service", setHealthCheckService, false,
			"The service that a check of kind `grpc` asks about; without it the whole server.", ""},
		{"health-check-interval", "a duration from 1s to 1h, such as 10s", setHealthCheckInterval, false,
			"From one check of an endpoint to the next, by default `10s`.", ""},
		{"health-check-timeout", "a duration from 1s to 1h, such as 2s", setHealthCheckTimeout, false,
			"For how long one may take, by default `2s`.", ""},
	}
}

// Key tells the references of different asks apart; it is "" for one that asks
// for nothing.
func (ask HealthCheckAsk) Key() string {
	var parts []string
	if ask.given {
		parts = append(parts, ask.kind.String())
	}
	if ask.path != "" {
		parts = append(parts, fmt.Sprintf("path=%q", ask.path))
	}
	if ask.service != "" {
		parts = append(parts, fmt.Sprintf("service=%q", ask.service))
	}
	if ask.interval != 0 {
		parts = append(parts, "interval="+ask.interval.String())
	}
	if ask.timeout != 0 {
		parts = append(parts, "timeout="+ask.timeout.String())
	}
	if len(parts) == 0 {
		return ""
	}
	return "+check(" + strings.Join(parts, ",") + ")"
}

// Names reports whether the Ingress names the kind of the check.
func (ask HealthCheckAsk) Names() bool { return ask.given }

// Of returns the check that is asked for, with the defaults of the configuration.
func (ask HealthCheckAsk) Of(defaults gatelodge.HealthCheck) gatelodge.HealthCheck {
	check := gatelodge.HealthCheck{
		Kind:     defaults.Kind,
		Path:     cmp.Or(ask.path, defaults.Path),
		Service:  ask.service,
		Interval: cmp.Or(ask.interval, defaults.Interval),
		Timeout:  cmp.Or(ask.timeout, defaults.Timeout),
	}
	if ask.given {
		check.Kind = ask.kind
	}
	if check.Kind == gatelodge.CheckNone {
		return gatelodge.HealthCheck{}
	}
	return check
}

func setHealthCheck(a *Asked, value string) error {
	kind, ok := gatelodge.ParseCheckKind(value)
	if !ok {
		return errors.New("is not a kind of check")
	}
	a.HealthCheck.given, a.HealthCheck.kind = true, kind
	return nil
}

func setHealthCheckPath(a *Asked, value string) error {
	if err := syntax.CheckHealthPath(value); err != nil {
		return err
	}
	a.HealthCheck.path = value
	return nil
}

func setHealthCheckService(a *Asked, value string) error {
	if len(value) > 200 {
		return errors.New("is too long for the name of a gRPC service")
	}
	a.HealthCheck.service = value
	return syntax.CheckPrintable(value)
}

func setHealthCheckInterval(a *Asked, value string) error {
	return setCheckTime(&a.HealthCheck.interval, value)
}

func setHealthCheckTimeout(a *Asked, value string) error {
	return setCheckTime(&a.HealthCheck.timeout, value)
}

func setCheckTime(to *time.Duration, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Second || d > time.Hour {
		return errors.New("is not a valid duration")
	}
	*to = d
	return nil
}
