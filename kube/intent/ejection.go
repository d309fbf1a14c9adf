package intent

import (
	"errors"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// The bounds of what may be asked for.
const (
	maxEjectionFailures = 1000
	maxEjectionTime     = time.Hour
)

// ejection is what the annotations change of how endpoints are ejected.
func (a *asked) ejection() *gatelodge.EjectionChange {
	if a.Ejection == nil {
		a.Ejection = &gatelodge.EjectionChange{}
	}
	return a.Ejection
}

func setEjectionFailures(a *asked, value string) error {
	n, err := strconv.Atoi(value)
	if value == "off" {
		n, err = 0, nil
	} else if err != nil || n < 1 || n > maxEjectionFailures {
		return errors.New("is not a valid number of failures")
	}
	a.ejection().Failures = &n
	return nil
}

func setEjectionTime(a *asked, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < time.Second || d > maxEjectionTime {
		return errors.New("is not a valid duration")
	}
	a.ejection().Time = &d
	return nil
}

func setEjectionShare(a *asked, value string) error {
	number, found := strings.CutSuffix(value, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || !(percent >= 0 && percent <= 100) {
		return errors.New("is not a valid share")
	}
	share := percent / 100
	a.ejection().Share = &share
	return nil
}
