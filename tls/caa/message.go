package caa

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"gatelodge.dev"
)

const (
	typeCAA = dnsmessage.Type(257)
	// udpSize is what fits into a packet on every path (RFC 9715 §3).
	udpSize = 1232
	// maxChain is how many aliases are followed.
	maxChain = 16
)

// newQuery makes a query for the CAA records of a name.
func newQuery(name gatelodge.Name) ([]byte, error) {
	qname, err := dnsmessage.NewName(string(name) + ".")
	if err != nil {
		return nil, err
	}
	var id [2]byte
	rand.Read(id[:]) // never fails
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true})
	var opt dnsmessage.ResourceHeader
	err = errors.Join(
		b.StartQuestions(),
		b.Question(dnsmessage.Question{Name: qname, Type: typeCAA, Class: dnsmessage.ClassINET}),
		b.StartAdditionals(),
		opt.SetEDNS0(udpSize, dnsmessage.RCodeSuccess, false),
		b.OPTResource(opt, dnsmessage.OPTResource{}),
	)
	if err != nil {
		return nil, err
	}
	return b.Finish()
}

// answers reports whether a response, of which header is the beginning, is one to
// the query.
func answers(response, query []byte) bool {
	question := func(message []byte) (id uint16, q dnsmessage.Question, ok bool) {
		var p dnsmessage.Parser
		header, err := p.Start(message)
		if err != nil {
			return 0, q, false
		}
		q, err = p.Question()
		return header.ID, q, err == nil
	}
	id, asked, ok := question(query)
	gotID, got, gotOK := question(response)
	return ok && gotOK && id == gotID && asked.Type == got.Type && asked.Class == got.Class &&
		strings.EqualFold(asked.Name.String(), got.Name.String())
}

// answer is what a response says.
type answer struct {
	records       []Record
	end           gatelodge.Name // the last of the aliases that were followed, the name itself without any
	authoritative bool
	complete      bool          // it says what is at end
	truncated     bool          // the rest is to be had over TCP
	ttl           time.Duration // for which it may be kept
}

// readAnswer reads the response to a query for the CAA records of a name.
func readAnswer(name gatelodge.Name, response []byte) (*answer, error) {
	var p dnsmessage.Parser
	header, err := p.Start(response)
	if err == nil {
		err = p.SkipAllQuestions()
	}
	if err != nil {
		return nil, err
	}
	a := &answer{end: name, authoritative: header.Authoritative, truncated: header.Truncated, ttl: maxKept}
	switch header.RCode {
	case dnsmessage.RCodeSuccess, dnsmessage.RCodeNameError:
	default:
		return nil, fmt.Errorf("the answer is %s", strings.TrimPrefix(header.RCode.String(), "RCode"))
	}
	aliases := make(map[gatelodge.Name]gatelodge.Name)
	found := make(map[gatelodge.Name][]Record)
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, err
		}
		owner := nameOf(h.Name)
		a.ttl = min(a.ttl, time.Duration(h.TTL)*time.Second)
		switch h.Type {
		case dnsmessage.TypeCNAME: // one that follows from a DNAME is among them (RFC 6672 §3.1)
			cname, err := p.CNAMEResource()
			if err != nil {
				return nil, err
			}
			aliases[owner] = nameOf(cname.CNAME)
		case typeCAA:
			data, err := p.UnknownResource()
			if err != nil {
				return nil, err
			}
			record, err := parseRecord(owner, data.Data)
			if err != nil {
				return nil, fmt.Errorf("%s has %w", owner, err)
			}
			found[owner] = append(found[owner], record)
		default:
			if err := p.SkipAnswer(); err != nil {
				return nil, err
			}
		}
	}
	for range maxChain {
		next, alias := aliases[a.end]
		if !alias {
			break
		}
		a.end = next
	}
	a.records = found[a.end]
	return a, a.readAuthority(&p)
}

// readAuthority looks for the SOA record of an answer without records (RFC 2308
// §2).
func (a *answer) readAuthority(p *dnsmessage.Parser) error {
	a.complete = len(a.records) > 0
	for {
		h, err := p.AuthorityHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Type != dnsmessage.TypeSOA {
			if err := p.SkipAuthority(); err != nil {
				return err
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			return err
		}
		a.complete = true
		a.ttl = min(a.ttl, time.Duration(min(h.TTL, soa.MinTTL))*time.Second)
	}
}

// nameOf returns a name without the dot at its end, in lower case.
func nameOf(n dnsmessage.Name) gatelodge.Name {
	return gatelodge.Name(strings.ToLower(strings.TrimSuffix(n.String(), ".")))
}
