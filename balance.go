package gatelodge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Balancing is how the endpoints of a Backend are chosen unless a Policy says
// otherwise.
type Balancing struct {
	Algorithm Algorithm
	SlowStart time.Duration // how long a new endpoint takes to reach its full share; 0: no slow start
}

// Algorithm is a load-balancing algorithm.
type Algorithm uint8

// The algorithms. All of them respect the weights of endpoints.
const (
	AlgorithmUnset Algorithm = iota // use the one in Settings; there it means RoundRobin
	RoundRobin                      // each endpoint in turn
	LeastRequest                    // of two random endpoints, the one with fewer requests in flight
	PeakEWMA                        // of two random endpoints, the one with the lower product of latency and requests in flight
)

// algorithmNames are the values of the load-balance annotation, indexed by Algorithm.
var algorithmNames = [...]string{RoundRobin: "round_robin", LeastRequest: "least_request", PeakEWMA: "ewma"}

// ParseAlgorithm parses a value of the load-balance annotation.
func ParseAlgorithm(s string) (Algorithm, error) {
	if i := slices.Index(algorithmNames[:], s); i > 0 {
		return Algorithm(i), nil
	}
	return AlgorithmUnset, errors.New("is not an algorithm")
}

// AlgorithmNames lists the valid values of load-balance, for use in a message.
func AlgorithmNames() string { return strings.Join(algorithmNames[1:], " or ") }

// String returns the value of the load-balance annotation.
func (a Algorithm) String() string { return algorithmNames[a] }

// HashBy sends requests with the same key to the same endpoint, for as long as that
// endpoint exists.
type HashBy struct {
	Key Template
	// Subset, if greater than 1, maps each key to this many endpoints, of which
	// each request chooses one at random.
	Subset int
	// Bound is the maximum load of an endpoint, as a multiple of its fair share of
	// the requests in flight; requests beyond that go to the next endpoint. 0 means
	// unbounded.
	Bound float64
}

// MaxSubset is the maximum HashBy.Subset.
const MaxSubset = 64

// ParseHashKey parses a value of the upstream-hash-by annotation: text with nginx
// variables in it.
func ParseHashKey(s string) (Template, error) {
	key, err := ParseTemplate(s)
	if err != nil {
		return nil, err
	}
	variables := 0
	for i := range key {
		if key[i].Value != LiteralText {
			variables++
		}
		if key[i].Value == RequestAuthority { // the port must not change the endpoint
			key[i].Value = RequestHost
		}
	}
	if variables == 0 {
		return nil, errors.New("has no variable, so that one endpoint would get all requests")
	}
	return key, nil
}

// String lists the key and the options.
func (h *HashBy) String() string {
	text := fmt.Sprintf("%q", h.Key)
	if h.Subset > 1 {
		text += fmt.Sprintf(" subset=%d", h.Subset)
	}
	if h.Bound > 0 {
		text += fmt.Sprintf(" bound=%g%%", h.Bound*100)
	}
	return text
}
