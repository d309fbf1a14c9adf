package syntax

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	gatelodge "gatelodge.dev"
)

// RecordType is a type of record that a DNSEndpoint may ask for.
type RecordType struct {
	Name    string
	Expects string // completes "expected …"
	// RDATA makes a target RDATA in master-file form (RFC 1035 §5.1).
	RDATA func(target string) (string, error)
}

// RecordTypes lists what ExternalDNS knows but for NS, which would give a
// part of the zone away.
func RecordTypes() []RecordType {
	return []RecordType{
		{"A", "an IPv4 address", ipv4Data},
		{"AAAA", "an IPv6 address", ipv6Data},
		{"CNAME", "a name", nameData},
		{"PTR", "a name", nameData},
		{"TXT", "text, or strings in quotes of at most 255 octets each", textData},
		{"MX", `a preference and a name, as "10 mail.example.com"`, numbersAndName(1)},
		{"SRV", `priority, weight, port and a name, as "0 5 5060 sip.example.com"`, numbersAndName(3)},
		{"NAPTR", `order, preference, flags, service, regular expression and replacement, as "100 10 \"S\" \"SIP+D2U\" \"\" _sip._udp.example.com."`, naptrData},
	}
}

// OfZones lists the types that say how a zone is delegated and who may
// certify it, which is its administrators' to say.
func OfZones() []string { return []string{"NS", "SOA", "DS", "CAA", "DNAME"} }

func ipv4Data(target string) (string, error) {
	address, err := netip.ParseAddr(target)
	if err != nil || !address.Is4() {
		if _, nameErr := ParseTarget(target); err != nil && nameErr == nil {
			return "", errors.New("is a name, for which recordType CNAME is")
		}
		return "", errors.New("is not an IPv4 address")
	}
	return address.String(), nil
}

func ipv6Data(target string) (string, error) {
	address, err := netip.ParseAddr(target)
	if err != nil || !address.Is6() || address.Is4In6() || address.Zone() != "" {
		return "", errors.New("is not an IPv6 address")
	}
	return address.String(), nil
}

// nameData reads a name, which is absolute whether it ends in a dot or not.
func nameData(target string) (string, error) {
	name, err := ParseTarget(target)
	return string(name) + ".", err
}

// ParseTarget reads a name that records may lead to. One that ends in a number is
// an address, or meant to be one: there is no such top-level domain (RFC 3696
// §2).
func ParseTarget(target string) (gatelodge.Name, error) {
	name, err := gatelodge.ParseName(target)
	if err != nil || name.IsWildcard() {
		return "", errors.New("is not a name" + WriteInstead(target))
	}
	last := string(name[strings.LastIndexByte(string(name), '.')+1:])
	if strings.Trim(last, "0123456789") == "" {
		return "", errors.New("is not a name, because it ends in a number as addresses do")
	}
	return name, nil
}

// rootOrName also takes the root, by which MX (RFC 7505), SRV (RFC 2782) and
// NAPTR (RFC 3403 §4.1) say that there is nothing.
func rootOrName(target string) (string, error) {
	if target == "." {
		return target, nil
	}
	return nameData(target)
}

// numbersAndName reads RDATA of numbers of 16 bits and a name.
func numbersAndName(numbers int) func(string) (string, error) {
	return func(target string) (string, error) {
		fields := strings.Fields(target)
		if len(fields) != numbers+1 {
			return "", fmt.Errorf("has %d fields", len(fields))
		}
		for i := range numbers {
			n, err := strconv.ParseUint(fields[i], 10, 16)
			if err != nil {
				return "", fmt.Errorf("holds %.20q, which is not a number from 0 to 65535", fields[i])
			}
			fields[i] = strconv.FormatUint(n, 10)
		}
		name, err := rootOrName(fields[numbers])
		if err != nil {
			return "", fmt.Errorf("holds %.60q, which %w", fields[numbers], err)
		}
		return strings.Join(append(fields[:numbers], name), " "), nil
	}
}

// naptrData reads RDATA of NAPTR (RFC 3403 §4.1).
func naptrData(target string) (string, error) {
	words, err := splitWords(target)
	if err != nil {
		return "", err
	}
	if len(words) != 6 {
		return "", fmt.Errorf("has %d fields", len(words))
	}
	numbers, err := numbersAndName(2)(words[0].text + " " + words[1].text + " " + words[5].text)
	if err != nil {
		return "", err
	}
	number := strings.Fields(numbers)
	return fmt.Sprintf("%s %s %s %s %s %s", number[0], number[1],
		quote(words[2].text), quote(words[3].text), quote(words[4].text), number[2]), nil
}

// textData reads RDATA of TXT: strings in quotes, or else a text that is cut into
// strings.
func textData(target string) (string, error) {
	if !strings.HasPrefix(strings.TrimSpace(target), `"`) {
		return CharacterStrings(target), nil
	}
	words, err := splitWords(target)
	if err != nil {
		return "", err
	}
	quoted := make([]string, len(words))
	for i, word := range words {
		if !word.quoted {
			return "", errors.New("has text outside of its quotes")
		}
		quoted[i] = quote(word.text)
	}
	return strings.Join(quoted, " "), nil
}
