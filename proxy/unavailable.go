package proxy

import gatelodge "gatelodge.dev"

// refuseUnavailable answers 503 for a route whose policy can't be applied: that is
// better than serving it without the requested protection.
func refuseUnavailable(p *gatelodge.Policy) step {
	if p.Unavailable == "" {
		return nil
	}
	why := "policy: " + p.Unavailable
	return func(*request) *answer { return unavailable(why) }
}
