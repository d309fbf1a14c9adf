package proxy

import gatelodge "gatelodge.dev"

// refuseUnavailable answers for a route whose policy can't be kept: nothing is
// better than the content without the protection that was asked for.
func refuseUnavailable(p *gatelodge.Policy) step {
	if p.Unavailable == "" {
		return nil
	}
	why := "policy: " + p.Unavailable
	return func(*request) *answer { return unavailable(why) }
}
