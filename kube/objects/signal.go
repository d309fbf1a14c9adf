package objects

func Signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is set already
	}
}
