package proxy

import "slices"

// compressed counts an answer, with its size before and after compression; the coding
// "none" means that there was no memory to compress it.
func (s *requestSeries) compressed(coding string, before, after int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if !slices.Contains(s.codings, coding) {
		s.codings = append(s.codings, coding)
	}
	k := s.key
	s.all.compressed.WithLabelValues(k.namespace, k.ingress, k.service, coding).Inc()
	if before > 0 {
		s.all.compressedBytes.WithLabelValues(k.namespace, k.ingress, k.service, "before").Add(float64(before))
		s.all.compressedBytes.WithLabelValues(k.namespace, k.ingress, k.service, "after").Add(float64(after))
	}
}

// dropCompressed removes the series of compressed answers; mu is held.
func (s *requestSeries) dropCompressed() {
	k := s.key
	for _, coding := range s.codings {
		s.all.compressed.DeleteLabelValues(k.namespace, k.ingress, k.service, coding)
	}
	for _, stage := range []string{"before", "after"} {
		s.all.compressedBytes.DeleteLabelValues(k.namespace, k.ingress, k.service, stage)
	}
}

// buffered counts a request's or a response's body that did not fit into memory.
func (s *requestSeries) buffered(body, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.all.buffered.WithLabelValues(s.key.namespace, s.key.ingress, s.key.service, body, result).Inc()
	}
}
