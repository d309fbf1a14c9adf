package dnsserve

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/miekg/dns"

	gatelodge "gatelodge.dev"
)

// errLine means that a record's text is not one line.
var errLine = errors.New("a record must be one line of text")

// ParseRecords parses text in the form of a zone file (RFC 1035 §5) from the
// configuration: names that don't end in a dot are below origin, and records
// without a TTL get ttl. SOA records, names outside origin and the directives
// $INCLUDE and $GENERATE are errors. Errors name the line, counted from 1.
func ParseRecords(text string, origin gatelodge.Name, ttl time.Duration) ([]gatelodge.Record, error) {
	var records []gatelodge.Record
	all := make(content)
	header := fmt.Sprintf("$TTL %d\n", seconds(ttl))
	err := parseZoneFile(header, text, dns.Fqdn(string(origin)), func(rr dns.RR) error {
		h := rr.Header()
		if h.Rrtype == dns.TypeSOA {
			return errors.New("an SOA record is not allowed here: the server makes it")
		}
		owner, err := gatelodge.ParseName(h.Name)
		if err != nil {
			return err
		}
		if !owner.Within(origin) {
			return fmt.Errorf("%s is outside of zone %s", owner, origin)
		}
		record := recordOf(rr)
		record.Name = owner
		if _, err := parseRecord(record); err != nil {
			return fmt.Errorf("%s %s: %w", owner, record.Type, err) // such as missing data
		}
		records = append(records, record)
		return all.add(rr)
	})
	if err != nil {
		return nil, err
	}
	if err := all.checkDNAMEs(); err != nil {
		return nil, err
	}
	return records, nil
}

// parseZoneFile calls f for every record in text and returns the first error with
// its line. It reads header first, whose lines don't count.
func parseZoneFile(header, text, origin string, f func(dns.RR) error) error {
	if err := refuseDirectives(text); err != nil {
		return err
	}
	lines := &lineReader{r: strings.NewReader(header + text), breaks: -strings.Count(header, "\n")}
	p := dns.NewZoneParser(lines, origin, "")
	for {
		rr, ok := p.Next()
		if !ok {
			break
		}
		err := f(rr)
		if err == nil && rr.Header().Class != dns.ClassINET {
			err = fmt.Errorf("class %s: only IN is served", dns.Class(rr.Header().Class))
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", lines.line(), err)
		}
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("line %d: %w", lines.line(), withoutPlace(err))
	}
	return nil
}

// withoutPlace removes the line and column from a parser's error: they count text
// that the author has not written.
func withoutPlace(err error) error {
	message, _, _ := strings.Cut(err.Error(), " at line: ")
	return errors.New(message)
}

// refuseDirectives rejects the directives that read other files or make any number of
// records from one line.
func refuseDirectives(text string) error {
	for i, line := range strings.Split(text, "\n") {
		directive, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		directive, _, _ = strings.Cut(directive, "\t")
		if directive == "$INCLUDE" || directive == "$GENERATE" {
			return fmt.Errorf("line %d: %s is not supported", i+1, directive)
		}
	}
	return nil
}

// lineReader counts the lines that a parser has read. Parsers read it octet by
// octet.
type lineReader struct {
	r      *strings.Reader
	breaks int
	last   byte
}

func (l *lineReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := l.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

func (l *lineReader) ReadByte() (byte, error) {
	c, err := l.r.ReadByte()
	if err != nil {
		return 0, err
	}
	l.last = c
	if c == '\n' {
		l.breaks++
	}
	return c, nil
}

// line returns the line of the last octet that was read.
func (l *lineReader) line() int {
	if l.last == '\n' {
		return l.breaks
	}
	return l.breaks + 1
}

// ZoneText writes the zone, as it is served in a view, as a master file: the SOA
// record with the serial first, then the other records in the canonical order of
// names. A name without records, for which a master file has no form, is a
// comment. It returns an error if there is no such zone.
func (s *Server) ZoneText(w io.Writer, zoneName gatelodge.Name, view string) error {
	z := s.zone(zoneName, view)
	if z == nil {
		return fmt.Errorf("no zone %s in view %s", zoneName, view)
	}
	return z.writeText(w)
}

func (z *zone) writeText(w io.Writer) (err error) {
	out := bufio.NewWriter(w)
	print := func(owner name, set *rrset) {
		rrs, e := set.records(owner)
		err = cmp.Or(err, e)
		for _, rr := range rrs {
			out.WriteString(rr.String()) // out keeps its first error for Flush
			out.WriteByte('\n')
		}
	}
	print(z.name, z.soa().set)
	z.apex.walk(z.name, func(owner name, n *node) {
		if len(n.sets) == 0 {
			fmt.Fprintf(out, "; %s exists without records\n", owner)
		}
		for _, set := range n.sets {
			print(owner, set)
		}
	})
	return cmp.Or(err, out.Flush())
}
