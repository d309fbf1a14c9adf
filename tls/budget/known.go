package budget

import (
	"net/url"
	"time"

	"gatelodge.dev"
)

const (
	hour = time.Hour
	week = 7 * 24 * time.Hour
)

// letsEncrypt has the limits of https://letsencrypt.org/docs/rate-limits.
var letsEncrypt = gatelodge.CALimits{
	Orders:     gatelodge.Rate{Count: 300, Per: 3 * hour},
	Domain:     gatelodge.Rate{Count: 50, Per: week},
	Duplicates: gatelodge.Rate{Count: 5, Per: week},
	Failures:   gatelodge.Rate{Count: 5, Per: hour},
	Names:      100,
}

// letsEncryptStaging has those of https://letsencrypt.org/docs/staging-environment.
var letsEncryptStaging = gatelodge.CALimits{
	Orders:     gatelodge.Rate{Count: 1500, Per: 3 * hour},
	Domain:     gatelodge.Rate{Count: 30000, Per: week},
	Duplicates: gatelodge.Rate{Count: 30000, Per: week},
	Failures:   gatelodge.Rate{Count: 200, Per: hour},
	Names:      100,
}

// Known returns the limits of the CA with a directory for certificates of a profile,
// none for one that is not known.
func Known(directory, profile string) gatelodge.CALimits {
	var limits gatelodge.CALimits
	u, err := url.Parse(directory)
	switch {
	case err != nil:
	case u.Hostname() == "acme-v02.api.letsencrypt.org":
		limits = letsEncrypt
	case u.Hostname() == "acme-staging-v02.api.letsencrypt.org":
		limits = letsEncryptStaging
	}
	if limits.Names > 0 && profile != "" && profile != "classic" {
		limits.Names = 25 // https://letsencrypt.org/docs/profiles
	}
	return limits
}
