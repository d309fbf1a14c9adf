package gatelodge

// Signal wakes the one goroutine that receives from it. Raising it several times
// before the goroutine receives wakes the goroutine only once.
type Signal chan struct{}

// NewSignal returns a Signal that is not raised.
func NewSignal() Signal { return make(Signal, 1) }

// Raise raises the signal. It does not block.
func (s Signal) Raise() {
	select {
	case s <- struct{}{}:
	default: // already raised
	}
}
