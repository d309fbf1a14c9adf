package dnsserve

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// Answer returns a view's answer to a question of class IN, for callers within the
// process. It is not counted.
func (s *Server) Answer(view string, asked gatelodge.Name, rtype string) gatelodge.Answer {
	v := s.table.Load().view(view)
	qtype, known := dns.StringToType[rtype]
	if v == nil || !known {
		return gatelodge.Answer{Code: dns.RcodeToString[dns.RcodeRefused]}
	}
	var r reply
	v.lookup(&r, wireName(asked), qtype)
	answer := gatelodge.Answer{Code: dns.RcodeToString[r.rcode], Refers: r.referral}
	if r.zone != nil {
		answer.Zone = r.zone.source.Name
	}
	for _, p := range r.answer {
		rrs, err := p.set.records(p.owner)
		if err != nil {
			continue // it can't fail: the record was compiled
		}
		for _, rr := range rrs {
			answer.Records = append(answer.Records, recordOf(rr))
		}
	}
	return answer
}

func recordOf(rr dns.RR) gatelodge.Record {
	h := rr.Header()
	return gatelodge.Record{
		Name: gatelodge.Name(strings.TrimSuffix(h.Name, ".")),
		Type: dns.Type(h.Rrtype).String(),
		TTL:  time.Duration(h.Ttl) * time.Second,
		Data: strings.SplitN(rr.String(), "\t", 5)[4], // after name, TTL, class and type
	}
}
