package proxy

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"gatelodge.dev/proxy/exchange"
)

// checkBody is the body of a request that the gateway itself makes.
type checkBody struct{ rest []byte }

func (b *checkBody) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Buffered returns the length of the whole body (exchange.Buffered).
func (b *checkBody) Buffered() (int64, bool)   { return int64(len(b.rest)), true }
func (b *checkBody) Trailers() exchange.Fields { return nil }
func (b *checkBody) Close() error              { return nil }
func (b *checkBody) Reopen()                   {}

// checkAnswer is the answer to a check. It keeps the start of its body.
type checkAnswer struct {
	status     int
	grpcStatus string
	body       []byte
	size       int
}

// Limits of an answer's body: what is kept, and what is read.
const (
	mostCheckKept = 1 << 10
	mostCheckRead = 1 << 20
)

// Interim drops an interim response.
func (a *checkAnswer) Interim(int, exchange.Fields) error { return nil }

// Head keeps what the check needs; a gRPC status may be in the head.
func (a *checkAnswer) Head(status int, header exchange.Fields, _ int64) error {
	a.status, a.grpcStatus = status, header.Get("grpc-status")
	return nil
}

func (a *checkAnswer) Write(p []byte) (int, error) {
	a.body = append(a.body, p[:min(len(p), mostCheckKept-len(a.body))]...)
	if a.size += len(p); a.size > mostCheckRead {
		return 0, fmt.Errorf("%w: the answer to a health check is longer than %d bytes", exchange.ErrClient, mostCheckRead)
	}
	return len(p), nil
}

// Flush does nothing.
func (a *checkAnswer) Flush() error { return nil }

// Trailers keeps the status of a gRPC call.
func (a *checkAnswer) Trailers(trailers exchange.Fields) error {
	a.grpcStatus = trailers.Get("grpc-status")
	return nil
}

// Tunnel rejects an upgrade, because checks request none.
func (a *checkAnswer) Tunnel(string, exchange.Fields) (exchange.Tunnel, error) {
	return nil, fmt.Errorf("%w: no upgrade was asked for", exchange.ErrClient)
}

// askGRPC uses the health checking protocol of gRPC
// (github.com/grpc/grpc/blob/master/doc/health-checking.md). Its messages have one
// field each, so they are encoded and decoded by hand.
func (c *checker) askGRPC(ctx context.Context) error {
	var message []byte
	if c.Service != "" { // field 1, a string
		message = append(binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(c.Service))), c.Service...)
	}
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	header := exchange.Fields{{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"}}
	answer, err := c.send(ctx, "POST", "/grpc.health.v1.Health/Check", header, frame)
	switch {
	case err != nil:
		return err
	case answer.status != 200:
		return fmt.Errorf("it answers %d to a gRPC call", answer.status)
	case answer.grpcStatus == "12":
		return fmt.Errorf("it does not have the service grpc.health.v1.Health")
	case answer.grpcStatus != "0":
		return fmt.Errorf("it answers with grpc-status %q", answer.grpcStatus)
	}
	if state := servingStatus(answer.body); state != 1 {
		return fmt.Errorf("it says that its status is %d, expected 1 (SERVING)", state)
	}
	return nil
}

// servingStatus reads the status of a HealthCheckResponse, which is field 1, an enum; 0
// if there is none.
func servingStatus(frame []byte) uint64 {
	if len(frame) < 5 || frame[0] != 0 || int(binary.BigEndian.Uint32(frame[1:])) != len(frame)-5 {
		return 0
	}
	if message := frame[5:]; len(message) > 1 && message[0] == 1<<3 {
		state, _ := binary.Uvarint(message[1:])
		return state
	}
	return 0
}
