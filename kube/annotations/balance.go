package annotations

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/kube/syntax"
)

// WeightAnnotation, on an EndpointSlice, is the weight of its endpoints.
const WeightAnnotation = OwnPrefix + "weight"

// MaxWeight is the largest weight of an endpoint.
const MaxWeight = 100

func balanceRows() []row {
	return []row{
		{"load-balance", gatelodge.AlgorithmNames() + "; in place of ip_hash write upstream-hash-by: $remote_addr", setLoadBalance, false,
			"How an endpoint is chosen, by default `round_robin` ([balancing.md](balancing.md)).", "`least_request` is known only here."},
		{"slow-start", "a duration such as 30s, up to 1h", setSlowStart, false,
			"How long a new endpoint takes to get its full share of the requests.", ""},
		{"upstream-hash-by", "one of the variables $request_uri, $uri, $args, $host, $remote_addr, $http_NAME, $cookie_NAME or $arg_NAME, or several", setHashBy, false,
			"Requests for which this is equal go to the same endpoint. Text may stand between the variables.", "Other variables of nginx are a problem."},
		{"upstream-hash-by-subset", `"true" or "false"`, setHashBySubset, false,
			"They go to one of a few endpoints instead, at random; by default `false`.", ""},
		{"upstream-hash-by-subset-size", "a number from 1 to 64", setHashBySubsetSize, false,
			"To how many, by default 3.", ""},
		{"upstream-hash-by-bound", "a percentage above 100% and up to 1000%, such as 125%", setHashByBound, false,
			"How much more than its share of the requests in flight an endpoint may have; those beyond it go to the next one. Without it there is no bound.", ""},
	}
}

// ParseWeight reads the weight of endpoints.
func ParseWeight(value string) (int, error) {
	weight, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || weight < 1 || weight > MaxWeight {
		return 1, fmt.Errorf("is not a valid weight, write a number from 1 to %d", MaxWeight)
	}
	return weight, nil
}

// BalanceAsk is what an Ingress says of how endpoints are chosen.
type BalanceAsk struct {
	Algorithm gatelodge.Algorithm
	SlowStart *time.Duration
	hashKey   gatelodge.Template
	subset    bool
	size      int // of the subset
	bound     float64
}

// defaultSubset is what ingress-nginx has without upstream-hash-by-subset-size.
const defaultSubset = 3

// HashBy is what requests are hashed by; nil: they are not.
func (ask *BalanceAsk) HashBy() *gatelodge.HashBy {
	if len(ask.hashKey) == 0 {
		return nil
	}
	by := &gatelodge.HashBy{Key: ask.hashKey, Bound: ask.bound}
	if ask.subset {
		by.Subset = ask.size
	}
	return by
}

func setLoadBalance(a *Asked, value string) (err error) {
	a.Balance.Algorithm, err = gatelodge.ParseAlgorithm(value)
	return err
}

func setSlowStart(a *Asked, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > time.Hour {
		return errors.New("is not a valid duration")
	}
	a.Balance.SlowStart = &d
	return nil
}

func setHashBy(a *Asked, value string) (err error) {
	a.Balance.hashKey, err = gatelodge.ParseHashKey(value)
	return err
}

func setHashBySubset(a *Asked, value string) (err error) {
	a.Balance.subset, err = syntax.ParseBool(value)
	return err
}

func setHashBySubsetSize(a *Asked, value string) error {
	size, err := strconv.Atoi(value)
	if err != nil || size < 1 || size > gatelodge.MaxSubset {
		return errors.New("is not a valid size of a subset")
	}
	a.Balance.size = size
	return nil
}

func setHashByBound(a *Asked, value string) error {
	number, found := strings.CutSuffix(value, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !found || err != nil || !(percent > 100 && percent <= 1000) {
		return errors.New("is not a valid bound")
	}
	a.Balance.bound = percent / 100
	return nil
}
