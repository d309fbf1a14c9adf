package annotations

import (
	"errors"
	"strconv"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// The bounds of what may be asked for.
const (
	maxEjectionFailures = 1000
	maxEjectionTime     = time.Hour
)

func ejectionRows() []row {
	return []row{
		{"ejection-failures", `"off", or a number from 1 to 1000`, setEjectionFailures, false,
			"After how many tries in a row that fail an endpoint is left alone, in place of the configuration's `ejection` ([backends.md](backends.md#ejection)).", ""},
		{"ejection-time", "a duration from 1s to 1h, such as 10s", setEjectionTime, false,
			"For how long.", ""},
		{"ejection-share", "a percentage from 0% to 100%, such as 50%", setEjectionShare, false,
			"Of how many endpoints at a time.", ""},
	}
}

// ejection is what the annotations change of how endpoints are ejected.
func (a *Asked) ejection() *gatelodge.EjectionChange {
	if a.Ejection == nil {
		a.Ejection = &gatelodge.EjectionChange{}
	}
	return a.Ejection
}

func setEjectionFailures(a *Asked, value string) error {
	n, err := strconv.Atoi(value)
	if value == "off" {
		n, err = 0, nil
	} else if err != nil || n < 1 || n > maxEjectionFailures {
		return errors.New("is not a valid number of failures")
	}
	a.ejection().Failures = &n
	return nil
}

func setEjectionTime(a *Asked, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Second || d > maxEjectionTime {
		return errors.New("is not a valid duration")
	}
	a.ejection().Time = &d
	return nil
}

func setEjectionShare(a *Asked, value string) error {
	share, err := syntax.ParseShare(value)
	if err == nil {
		a.ejection().Share = &share
	}
	return err
}
