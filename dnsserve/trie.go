package dnsserve

import (
	"hash/maphash"
	"math/bits"
)

// seed makes the hash of labels unknown to those who choose the labels.
var seed = maphash.MakeSeed()

const (
	trieBits  = 5  // of the hash, consumed on each level
	trieDepth = 60 // hash bits after which a level is a plain list
)

// trie is a persistent map from label to child node: with and without give a
// new trie that shares all but a few small arrays with the old one, which is
// what makes one changed name in a big zone cheap. It is a hash array mapped
// trie (Bagwell 2001). The zero trie is empty.
type trie struct {
	bits  uint32 // which of the 32 places are taken
	slots []slot // those taken, in order; from trieDepth on a list without bits
}

// slot holds a child, or the level below for several whose hashes agree so far.
type slot struct {
	child *node
	below *trie
}

func hashLabel(label []byte) uint64 { return maphash.Bytes(seed, label) }

// get returns the child of this label, and nil if there is none.
func (t *trie) get(label []byte) *node {
	if len(t.slots) == 0 {
		return nil
	}
	hash := hashLabel(label)
	for shift := 0; shift < trieDepth; shift += trieBits {
		bit := uint32(1) << (hash >> shift & 31)
		if t.bits&bit == 0 {
			return nil
		}
		s := &t.slots[bits.OnesCount32(t.bits&(bit-1))]
		if s.below == nil {
			if s.child.label == string(label) {
				return s.child
			}
			return nil
		}
		t = s.below
	}
	for _, s := range t.slots {
		if s.child.label == string(label) {
			return s.child
		}
	}
	return nil
}

// with returns t with child in it, in place of the one of the same label.
func (t trie) with(child *node) trie {
	return t.insert(child, hashLabel([]byte(child.label)), 0)
}

func (t trie) insert(child *node, hash uint64, shift int) trie {
	if shift >= trieDepth {
		rest := t.remove([]byte(child.label), hash, shift)
		return trie{slots: append(rest.slots[:len(rest.slots):len(rest.slots)], slot{child: child})}
	}
	bit := uint32(1) << (hash >> shift & 31)
	i := bits.OnesCount32(t.bits & (bit - 1))
	if t.bits&bit == 0 {
		slots := make([]slot, len(t.slots)+1)
		copy(slots, t.slots[:i])
		slots[i] = slot{child: child}
		copy(slots[i+1:], t.slots[i:])
		return trie{bits: t.bits | bit, slots: slots}
	}
	slots := make([]slot, len(t.slots))
	copy(slots, t.slots)
	switch s := &slots[i]; {
	case s.below != nil:
		below := s.below.insert(child, hash, shift+trieBits)
		s.below = &below
	case s.child.label == child.label:
		s.child = child
	default:
		var below trie
		below = below.insert(s.child, hashLabel([]byte(s.child.label)), shift+trieBits)
		below = below.insert(child, hash, shift+trieBits)
		*s = slot{below: &below}
	}
	return trie{bits: t.bits, slots: slots}
}

// without returns t without the child of this label.
func (t trie) without(label string) trie {
	return t.remove([]byte(label), hashLabel([]byte(label)), 0)
}

func (t trie) remove(label []byte, hash uint64, shift int) trie {
	if shift >= trieDepth {
		var rest []slot
		for _, s := range t.slots {
			if s.child.label != string(label) {
				rest = append(rest, s)
			}
		}
		return trie{slots: rest}
	}
	bit := uint32(1) << (hash >> shift & 31)
	if t.bits&bit == 0 {
		return t
	}
	i := bits.OnesCount32(t.bits & (bit - 1))
	s := t.slots[i]
	if s.below != nil {
		below := s.below.remove(label, hash, shift+trieBits)
		if len(below.slots) > 0 {
			slots := make([]slot, len(t.slots))
			copy(slots, t.slots)
			slots[i] = slot{below: &below}
			return trie{bits: t.bits, slots: slots}
		}
	} else if s.child.label != string(label) {
		return t
	}
	slots := make([]slot, 0, len(t.slots)-1)
	slots = append(append(slots, t.slots[:i]...), t.slots[i+1:]...)
	return trie{bits: t.bits &^ bit, slots: slots}
}

// empty tells whether there is no child.
func (t *trie) empty() bool { return len(t.slots) == 0 }

// each calls f for every child, in no order that means anything.
func (t *trie) each(f func(*node)) {
	for _, s := range t.slots {
		if s.below != nil {
			s.below.each(f)
		} else {
			f(s.child)
		}
	}
}
