package syntax

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// ParseBool reads "true", "false" and what else strconv.ParseBool takes.
func ParseBool(value string) (bool, error) {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, errors.New("is neither true nor false")
	}
	return on, nil
}

// CheckPrintable fails for a text with a control character.
func CheckPrintable(value string) error {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("holds the control character %q", c)
		}
	}
	return nil
}

// ParseOnOff reads a switch in the form that nginx has.
func ParseOnOff(value string) (bool, error) {
	switch value {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, errors.New("is neither on nor off")
}

// ParseSize reads a size as nginx has it.
func ParseSize(value string) (int64, error) {
	digits, shift := strings.ToLower(value), 0
	if n := len(digits); n > 0 {
		if i := strings.IndexByte("bkmg", digits[n-1]); i >= 0 {
			digits, shift = digits[:n-1], 10*i
		}
	}
	size, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case strings.TrimRight(digits, "ibkmg") != digits: // such as 100Mi
		return 0, errors.New("is not a valid size; the units are k, m and g")
	case err != nil || size < 0:
		return 0, errors.New("is not a valid size")
	case size > math.MaxInt64>>shift:
		return 0, errors.New("is too large")
	}
	return size << shift, nil
}

// ParseCount reads a whole number from 0 to most.
func ParseCount(value string, most int64) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, errors.New("is not a whole number")
	case n < 0:
		return 0, errors.New("is too small")
	case n > most:
		return 0, errors.New("is too large")
	}
	return n, nil
}

// ParseDuration reads seconds or a duration, of less than 31 bits of seconds.
func ParseDuration(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if seconds, numeric := strconv.ParseInt(value, 10, 64); numeric == nil {
		if seconds > math.MaxInt32 {
			return 0, errors.New("is too long")
		}
		d, err = time.Duration(max(seconds, -1))*time.Second, nil
	}
	switch {
	case err != nil:
		return 0, errors.New("is not a valid duration")
	case d < 0:
		return 0, errors.New("is too short")
	case d > math.MaxInt32*time.Second:
		return 0, errors.New("is too long")
	}
	return d, nil
}

// IsHostField reports whether a Host field may have the value: a name or address,
// perhaps with a port.
func IsHostField(value string) bool {
	host, port, found := strings.Cut(value, ":")
	if found && (port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "") {
		return false
	}
	_, err := gatelodge.ParseName(host)
	return err == nil
}

// MostSeconds is about 68 years.
const MostSeconds = 1<<31 - 1

// ParseSeconds reads a whole number of seconds, from 0 to MostSeconds.
func ParseSeconds(value string) (*time.Duration, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > MostSeconds {
		return nil, errors.New("is not a number of seconds")
	}
	d := time.Duration(n) * time.Second
	return &d, nil
}

// ReadSecretReference reads NAME or NAMESPACE/NAME; namespace is "" where it is not
// given.
func ReadSecretReference(value string) (namespace, name string, err error) {
	namespace, name, qualified := strings.Cut(value, "/")
	if !qualified {
		namespace, name = "", value
	}
	if name == "" || qualified && namespace == "" {
		return "", "", errors.New("names no Secret")
	}
	return namespace, name, nil
}

// ReadRedirectStatus reads the status of a redirect, 0 for anything else: then
// ingress-nginx's default counts.
func ReadRedirectStatus(value string) (uint16, error) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || !slices.Contains([]uint64{301, 302, 303, 307, 308}, n) {
		return 0, errors.New("is not the status of a redirect")
	}
	return uint16(n), nil
}

// ParseShare reads a percentage.
func ParseShare(value string) (float64, error) {
	number, found := strings.CutSuffix(value, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || !(percent >= 0 && percent <= 100) {
		return 0, errors.New("is not a valid share")
	}
	return percent / 100, nil
}
