package gatelodge

// Signal wakes the one goroutine that receives from it. If it was raised several
// times meanwhile, it wakes the goroutine once.
type Signal chan struct{}

// NewSignal returns a Signal that is not raised.
func NewSignal() Signal { return make(Signal, 1) }

// Raise raises the signal. It does not block.
func (s Signal) Raise() {
	select {
	case s <- struct{}{}:
	default: // raised already
	}
}
