package nethttp

import (
	"fmt"
	"io"

	"gatelodge.dev/proxy/exchange"
)

// join copies both ways until both are done, and closes both. When one side
// says that it has no more to send, the other is told so and may go on.
func (b *buffers) join(client, endpoint exchange.Tunnel) error {
	upward := make(chan error, 1)
	go func() { upward <- b.pump(endpoint, client, client) }()
	err := b.pump(client, endpoint, client)
	if up := <-upward; err == nil {
		err = up
	}
	_, _ = client.Close(), endpoint.Close() // whatever mattered was in reading and writing
	return err
}

// pump copies from one end to the other. An error ends both directions, for a
// tunnel of which one half is broken is of no use.
func (b *buffers) pump(to, from, client exchange.Tunnel) error {
	buffer := b.get()
	defer b.put(buffer)
	for {
		n, err := from.Read(buffer[:])
		if n > 0 {
			if _, werr := to.Write(buffer[:n]); werr != nil {
				err = sideError(to == client, werr)
				_, _ = to.Close(), from.Close() // the error of the write is the one that matters
				return err
			}
		}
		if err == io.EOF {
			if to.CloseWrite() != nil {
				_, _ = to.Close(), from.Close() // it can't be told in another way
			}
			return nil
		}
		if err != nil {
			_, _ = to.Close(), from.Close() // the error of the read is the one that matters
			return sideError(from == client, err)
		}
	}
}

// sideError says on which side of the tunnel something went wrong.
func sideError(client bool, err error) error {
	if client {
		return err // an engine's, which says so itself
	}
	return fmt.Errorf("%w: tunnel: %w", exchange.ErrBackend, err)
}
