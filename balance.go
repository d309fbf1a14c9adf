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
	Key []HashPart // one after the other
	// Subset, if it is more than 1, has each request go to one of so many
	// endpoints, at random.
	Subset int
	// Bound is how many times its share of the requests in flight an endpoint
	// has at most; those beyond that go to the next one. 0: there is no bound.
	Bound float64
}

// MaxSubset is the largest Subset.
const MaxSubset = 64

// HashPart is a part of a request.
type HashPart struct {
	Source HashSource
	Name   string // of the header field, in lower case, of the cookie or the argument; or the text
}

// HashSource is where a HashPart is found.
type HashSource uint8

// The sources, which nginx has as variables.
const (
	HashText     HashSource = iota // the same for all requests
	HashURI                        // $request_uri: path and query
	HashPath                       // $uri
	HashQuery                      // $args or $query_string
	HashHost                       // $host or $http_host
	HashAddress                    // $remote_addr or $binary_remote_addr: the client
	HashHeader                     // $http_NAME
	HashCookie                     // $cookie_NAME
	HashArgument                   // $arg_NAME: of the query
)

// ParseHashKey reads a value of upstream-hash-by: nginx's variables, and text
// between them.
func ParseHashKey(s string) ([]HashPart, error) {
	var key []HashPart
	variables := 0
	for s != "" {
		text, rest, found := strings.Cut(s, "$")
		if text != "" {
			key = append(key, HashPart{Source: HashText, Name: text})
		}
		if !found {
			break
		}
		var name string
		if name, s = cutVariable(rest); name == "" {
			return nil, errors.New("has a $ without the name of a variable behind it")
		}
		part, ok := hashVariable(name)
		if !ok {
			return nil, fmt.Errorf("has the variable $%s, which can't be hashed by", name)
		}
		key = append(key, part)
		variables++
	}
	if variables == 0 {
		return nil, errors.New("has no variable, so that one endpoint would get all requests")
	}
	return key, nil
}

// cutVariable cuts a name, which may stand in braces, from the start of s.
func cutVariable(s string) (name, rest string) {
	if inside, ok := strings.CutPrefix(s, "{"); ok {
		name, rest, _ = strings.Cut(inside, "}")
		return name, rest
	}
	end := strings.IndexFunc(s, func(c rune) bool {
		return !(c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z')
	})
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

func hashVariable(name string) (HashPart, bool) {
	switch name {
	case "request_uri":
		return HashPart{Source: HashURI}, true
	case "uri":
		return HashPart{Source: HashPath}, true
	case "args", "query_string":
		return HashPart{Source: HashQuery}, true
	case "host", "http_host":
		return HashPart{Source: HashHost}, true
	case "remote_addr", "binary_remote_addr":
		return HashPart{Source: HashAddress}, true
	}
	for prefix, source := range hashPrefixes() {
		if of, ok := strings.CutPrefix(name, prefix); ok && of != "" {
			if source == HashHeader {
				of = strings.ReplaceAll(strings.ToLower(of), "_", "-")
			}
			return HashPart{Source: source, Name: of}, true
		}
	}
	return HashPart{}, false
}

func hashPrefixes() map[string]HashSource {
	return map[string]HashSource{"http_": HashHeader, "cookie_": HashCookie, "arg_": HashArgument}
}

// String is the key as it is written in an annotation.
func (p HashPart) String() string {
	switch p.Source {
	case HashText:
		return p.Name
	case HashURI:
		return "$request_uri"
	case HashPath:
		return "$uri"
	case HashQuery:
		return "$args"
	case HashHost:
		return "$host"
	case HashAddress:
		return "$remote_addr"
	case HashHeader:
		return "${http_" + strings.ReplaceAll(p.Name, "-", "_") + "}"
	case HashCookie:
		return "${cookie_" + p.Name + "}"
	default:
		return "${arg_" + p.Name + "}"
	}
}

// String lists what is asked for.
func (h *HashBy) String() string {
	var b strings.Builder
	for _, part := range h.Key {
		b.WriteString(part.String())
	}
	text := fmt.Sprintf("%q", b.String())
	if h.Subset > 1 {
		text += fmt.Sprintf(" subset=%d", h.Subset)
	}
	if h.Bound > 0 {
		text += fmt.Sprintf(" bound=%g%%", h.Bound*100)
	}
	return text
}
