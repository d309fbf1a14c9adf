package compile

import (
	gatelodge "gatelodge.dev"
)

func (r *hostResult) wrong() []gatelodge.Problem {
	if r == nil {
		return nil
	}
	return r.problems
}

func (r *backendResult) wrong() []gatelodge.Problem {
	if r == nil {
		return nil
	}
	return r.problems
}

func (r *resolved) wrong() []gatelodge.Problem {
	if r == nil {
		return nil
	}
	return r.problems
}
