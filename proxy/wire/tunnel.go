package wire

import (
	"io"
	"sync"

	"gatelodge.dev/proxy/exchange"
)

// Join copies between the two ends until both directions have ended or one has failed.
// The end of one direction is passed on, and the other stays open.
func Join(client, endpoint exchange.Tunnel) error {
	var failed error
	var once sync.Once
	pass := func(dst, src exchange.Tunnel) {
		_, err := io.Copy(dst, src)
		if err == nil {
			err = dst.CloseWrite()
		}
		if err != nil {
			once.Do(func() {
				failed = err
				client.Close()
				endpoint.Close()
			})
		}
	}
	var other sync.WaitGroup
	other.Go(func() { pass(endpoint, client) })
	pass(client, endpoint)
	other.Wait()
	client.Close()
	endpoint.Close()
	return failed
}
