package dnsserve

import gatelodge "gatelodge.dev"

// AnswerMessage answers a query of this process, as if it came over TCP, from the first
// of the views with a zone that contains the name. It returns nil if there is none, or
// the query is not valid. The query is not counted, and transfers are not possible.
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
