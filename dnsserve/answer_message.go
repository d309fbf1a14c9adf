package dnsserve

import gatelodge "gatelodge.dev"

// AnswerMessage answers a query of this process from what is served, as if it came over
// TCP: the first of the views with a zone that holds the name answers. Nil: none
// has, or the query can't be read. It is counted nowhere, and there are no
// transfers.
func (s *Server) AnswerMessage(views []*gatelodge.View, message []byte) []byte {
	q, r := new(query), new(reply)
	if !q.readHeader(message) || q.readBody(message) != nil || q.question == nil {
		return nil
	}
	t := s.table.Load()
	for _, view := range views {
		v := t.view(view.Name)
		if v == nil {
			continue
		}
		r.reset()
		v.lookup(r, q.name, q.qtype)
		if r.zone != nil && !r.zone.private {
			return appendReply(nil, q, r, new(options), maxTCP)
		}
	}
	return nil
}
