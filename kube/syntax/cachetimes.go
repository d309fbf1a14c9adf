package syntax

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
)

// Bounds of what is read.
const (
	maxCacheRules = 16
	maxCacheTime  = 366 * 24 * time.Hour
)

// ReadCacheTimes reads what nginx's proxy_cache_valid takes: statuses and a time,
// and further ones after a comma.
func ReadCacheTimes(value string) ([]gatelodge.AuthCacheRule, error) {
	var rules []gatelodge.AuthCacheRule
	for item := range strings.SplitSeq(value, ",") {
		words := strings.Fields(item)
		if len(words) == 0 {
			continue
		}
		rule := gatelodge.AuthCacheRule{}
		timed := false
		for _, word := range words {
			status, err := strconv.ParseUint(word, 10, 16)
			switch {
			case err == nil && len(word) == 3 && status >= 100 && status <= 599 && !timed:
				rule.Statuses = append(rule.Statuses, uint16(status))
				continue
			case err == nil:
				return nil, fmt.Errorf("holds %.20q, which is not a status", word)
			}
			d, ok := nginxTime(word)
			if !ok {
				return nil, fmt.Errorf("holds %.20q, which is neither a status nor a time", word)
			}
			rule.For, timed = min(rule.For+d, maxCacheTime), true
		}
		if !timed {
			return nil, fmt.Errorf("holds %.60q without a time", strings.TrimSpace(item))
		}
		if rule.Statuses == nil { // as with proxy_cache_valid
			rule.Statuses = []uint16{200, 301, 302}
		}
		rules = append(rules, rule)
	}
	if len(rules) > maxCacheRules {
		return nil, fmt.Errorf("has %d parts, the most is %d", len(rules), maxCacheRules)
	}
	return rules, nil
}

// nginxTime reads a part of a time as nginx writes it.
func nginxTime(text string) (time.Duration, bool) {
	at := strings.IndexFunc(text, func(c rune) bool { return c < '0' || c > '9' })
	if at <= 0 {
		return 0, false
	}
	const day = 24 * time.Hour
	unit, known := map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "M": 30 * day, "y": 365 * day,
	}[text[at:]]
	n, err := strconv.ParseUint(text[:at], 10, 31)
	if err != nil || !known {
		return 0, false
	}
	if n > uint64(maxCacheTime/unit) {
		return maxCacheTime, true
	}
	return time.Duration(n) * unit, true
}
