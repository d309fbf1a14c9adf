package gatelodge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Balancing is how the endpoints of a Backend are chosen where a Policy says
// nothing else.
type Balancing struct {
	Algorithm Algorithm
	SlowStart time.Duration // how long a new endpoint takes to get its full share; 0: none
}

// Algorithm is a way to choose one of several endpoints.
type Algorithm uint8

// The algorithms. Each of them gives an endpoint a share by its weight.
const (
	AlgorithmUnset Algorithm = iota // that of Settings, and there RoundRobin
	RoundRobin                      // in turns
	LeastRequest                    // of two at random, the one with fewer requests in flight
	PeakEWMA                        // of two at random, the one that costs less: its latency times its requests in flight
)

// algorithmNames are the values of load-balance, each at the place of its Algorithm.
var algorithmNames = [...]string{RoundRobin: "round_robin", LeastRequest: "least_request", PeakEWMA: "ewma"}

// ParseAlgorithm reads a value of load-balance.
func ParseAlgorithm(s string) (Algorithm, error) {
	if i := slices.Index(algorithmNames[:], s); i > 0 {
		return Algorithm(i), nil
	}
	return AlgorithmUnset, errors.New("is not an algorithm")
}

// AlgorithmNames lists the values of load-balance for a message.
func AlgorithmNames() string { return strings.Join(algorithmNames[1:], " or ") }

// String returns the value of load-balance.
func (a Algorithm) String() string { return algorithmNames[a] }

// HashBy sends requests of which something is equal to the same endpoint, as long
// as there is that endpoint.
type HashBy struct {
	Key Template
	// Subset, if it is more than 1, has each request go to one of so many
	// endpoints, at random.
	Subset int
	// Bound is how many times its share of the requests in flight an endpoint
	// has at most; those beyond that go to the next one. 0: there is no bound.
	Bound float64
}

// MaxSubset is the largest Subset.
const MaxSubset = 64

// ParseHashKey reads a value of upstream-hash-by: nginx's variables, and text
// between them.
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
		if key[i].Value == RequestAuthority { // a port makes no difference
			key[i].Value = RequestHost
		}
	}
	if variables == 0 {
		return nil, errors.New("has no variable, so that one endpoint would get all requests")
	}
	return key, nil
}

// String lists what is asked for.
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
