package proxy

import gatelodge "gatelodge.dev"

// rewrite makes the path that the backend gets. It is the last step: everything
// before it looks at the client's path.
func rewrite(p *gatelodge.Policy) step {
	if p.Rewrite == nil {
		return nil
	}
	return func(r *request) *answer {
		if p.Snippet != nil && r.held.snippet.stays {
			return nil // as in nginx, where it is one more rewrite after those of the snippet
		}
		path, query, err := p.Rewrite.Apply(r.route.source, r.path, r.x.Query)
		if err != nil {
			return badRequest("the rewritten path " + err.Error())
		}
		r.rewritten, r.x.Query = path, query
		return nil
	}
}
