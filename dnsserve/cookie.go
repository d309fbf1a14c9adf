package dnsserve

import (
	"crypto/subtle"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"time"

	gatelodge "gatelodge.dev"
)

// cookieSecrets verify the cookies of clients. The first one also makes new
// cookies (RFC 7873 §7.1).
type cookieSecrets [3][16]byte

// UseCookieKeys makes the server accept the cookies of all servers that have the
// same keys. Until it is called, it accepts only its own.
func (s *Server) UseCookieKeys(keys gatelodge.Keys) {
	secrets := new(cookieSecrets)
	for i, key := range keys.All() {
		secrets[i] = [16]byte(key[:])
	}
	s.secrets.Store(secrets)
}

const (
	clientCookieSize = 8
	serverCookieSize = 16 // version 1 (RFC 9018 §4)
	cookieVersion    = 1
)

// How far the time in a cookie may differ from the gateway's clock (RFC 9018 §4.3).
const (
	cookieAge    = time.Hour
	cookieFuture = 5 * time.Minute
)

// cookie is the COOKIE option of a query (RFC 7873 §4).
type cookie struct {
	asked  bool
	client [clientCookieSize]byte
	server []byte // that the client received from this server before; empty: none yet
}

// read reads the option's data and returns false if its length is wrong.
func (c *cookie) read(data []byte) bool {
	c.asked = true
	if len(data) != clientCookieSize && (len(data) < 16 || len(data) > 40) {
		return false
	}
	c.server = data[copy(c.client[:], data):]
	return true
}

// appendCookie appends the option's data for the reply: the client's cookie, and a
// server cookie (RFC 9018 §4), with which the client proves its address next time.
func appendCookie(b []byte, c *cookie, client netip.Addr, secret *[16]byte, now time.Time) []byte {
	b = append(b, c.client[:]...)
	b = append(b, cookieVersion, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(now.Unix()))
	return binary.LittleEndian.AppendUint64(b, cookieHash(b, client, secret))
}

// valid reports whether the server cookie was recently made with one of the
// secrets for this client at this address.
func (c *cookie) valid(client netip.Addr, secrets *cookieSecrets, now time.Time) bool {
	if len(c.server) != serverCookieSize || c.server[0] != cookieVersion {
		return false
	}
	// Serial number arithmetic on 32 bits of seconds (RFC 9018 §4.3).
	age := time.Duration(int32(uint32(now.Unix())-binary.BigEndian.Uint32(c.server[4:]))) * time.Second
	if age > cookieAge || age < -cookieFuture {
		return false
	}
	var b [clientCookieSize + 8]byte
	copy(b[copy(b[:], c.client[:]):], c.server[:8])
	for i := range secrets {
		var want [8]byte
		binary.LittleEndian.PutUint64(want[:], cookieHash(b[:], client, &secrets[i]))
		if subtle.ConstantTimeCompare(want[:], c.server[8:]) == 1 {
			return true
		}
	}
	return false
}

// cookieHash hashes the first 16 octets of an option's data and the client's
// address (RFC 9018 §4.4).
func cookieHash(data []byte, client netip.Addr, secret *[16]byte) uint64 {
	var in [clientCookieSize + 8 + 16]byte
	n := copy(in[:], data[:clientCookieSize+8])
	client = client.Unmap()
	if client.Is4() {
		a := client.As4()
		n += copy(in[n:], a[:])
	} else {
		a := client.As16()
		n += copy(in[n:], a[:])
	}
	return siphash(secret, in[:n])
}

// siphash is SipHash-2-4 (Aumasson, Bernstein 2012), the keyed hash that RFC
// 9018 §4.4 prescribes, so that servers of different vendors can share a
// secret.
func siphash(key *[16]byte, data []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573

	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(data)) << 56
	for ; len(data) >= 8; data = data[8:] {
		m := binary.LittleEndian.Uint64(data)
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	for i, c := range data {
		last |= uint64(c) << (8 * i)
	}
	v3 ^= last
	round()
	round()
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		round()
	}
	return v0 ^ v1 ^ v2 ^ v3
}
