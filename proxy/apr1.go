package proxy

import "crypto/md5"

const apr1Prefix = "$apr1$"

// apr1 hashes a password as Apache's htpasswd does by default: the MD5-based
// scheme of FreeBSD's crypt with another prefix. The order of the parts of each
// sum is what the scheme says; it has no other reason.
func apr1(password, salt string) string {
	if len(salt) > 8 {
		salt = salt[:8]
	}
	inner := md5.New()
	inner.Write([]byte(password + salt + password))
	mixed := inner.Sum(nil)

	first := md5.New()
	first.Write([]byte(password + apr1Prefix + salt))
	for left := len(password); left > 0; left -= md5.Size {
		first.Write(mixed[:min(left, md5.Size)])
	}
	for bits := len(password); bits > 0; bits >>= 1 {
		if bits&1 == 1 {
			first.Write([]byte{0})
		} else {
			first.Write([]byte(password[:1]))
		}
	}
	sum := first.Sum(nil)

	for round := range 1000 {
		h := md5.New()
		odd := round&1 == 1
		write := func(aPassword bool) {
			if aPassword {
				h.Write([]byte(password))
			} else {
				h.Write(sum)
			}
		}
		write(odd)
		if round%3 != 0 {
			h.Write([]byte(salt))
		}
		if round%7 != 0 {
			h.Write([]byte(password))
		}
		write(!odd)
		sum = h.Sum(nil)
	}
	return apr1Prefix + salt + "$" + apr1Encode(sum)
}

// apr1Encode encodes a sum in crypt's own base 64: groups of three bytes, from
// the places that the scheme says, the lowest six bits first.
func apr1Encode(sum []byte) string {
	const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := make([]byte, 0, 22)
	put := func(bits uint, n int) {
		for range n {
			out = append(out, digits[bits&63])
			bits >>= 6
		}
	}
	for i := range 5 {
		last := i + 12
		if i == 4 {
			last = 5
		}
		put(uint(sum[i])<<16|uint(sum[i+6])<<8|uint(sum[last]), 4)
	}
	put(uint(sum[11]), 2)
	return string(out)
}
