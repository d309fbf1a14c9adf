package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpctls "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/proxytest"
)

// echoService is a gRPC service without generated code: one call, and one stream
// in both directions.
var echoService = grpc.ServiceDesc{
	ServiceName: "test.Echo",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Call",
		Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			message := new(wrapperspb.StringValue)
			if err := decode(message); err != nil {
				return nil, err
			}
			if intercept != nil {
				return intercept(ctx, message, nil, nil)
			}
			if message.Value == "refuse" {
				_ = grpc.SetTrailer(ctx, metadata.Pairs("x-why", "asked for"))
				return nil, status.Error(codes.FailedPrecondition, "as you wish")
			}
			return message, nil
		},
	}},
	Streams: []grpc.StreamDesc{{
		StreamName: "Chat", ServerStreams: true, ClientStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error {
			for {
				message := new(wrapperspb.StringValue)
				if err := stream.RecvMsg(message); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
				if err := stream.SendMsg(message); err != nil {
					return err
				}
			}
		},
	}},
}

func grpcBackend(t *testing.T, options ...grpc.ServerOption) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&echoService, nil)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return netip.MustParseAddrPort(l.Addr().String())
}

func (g *gateway) grpc(m mode) *grpc.ClientConn {
	g.t.Helper()
	transport := insecure.NewCredentials()
	if m.tls() {
		transport = grpctls.NewTLS(&tls.Config{RootCAs: roots(), ServerName: appHost})
	}
	conn, err := grpc.NewClient("passthrough:///"+g.address(m), grpc.WithTransportCredentials(transport), grpc.WithAuthority(appHost))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestGRPC(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		g := start(t, app(gatelodge.BackendH2C, grpcBackend(t)))
		conn := g.grpc(m)
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()

		got := new(wrapperspb.StringValue)
		if err := conn.Invoke(ctx, "/test.Echo/Call", wrapperspb.String("hello"), got); err != nil || got.Value != "hello" {
			t.Fatalf("got %q, %v", got.Value, err)
		}
		var trailer metadata.MD
		err := conn.Invoke(ctx, "/test.Echo/Call", wrapperspb.String("refuse"), got, grpc.Trailer(&trailer))
		if status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != "as you wish" || len(trailer["x-why"]) != 1 {
			t.Errorf("got %v with %v", err, trailer)
		}

		stream, err := conn.NewStream(ctx, &echoService.Streams[0], "/test.Echo/Chat")
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if err := stream.SendMsg(wrapperspb.String("message")); err != nil {
				t.Fatal(err)
			}
			if err := stream.RecvMsg(got); err != nil || got.Value != "message" {
				t.Fatalf("got %q, %v", got.Value, err)
			}
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(got); err != io.EOF {
			t.Errorf("got %v at the end", err)
		}
	}, h2, h2c)
}

// TestGRPCStatusOfOurAnswers: a gRPC client gets our errors as gRPC statuses.
func TestGRPCStatusOfOurAnswers(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(*gatelodge.Snapshot)
		want  codes.Code
	}{
		{"no endpoints", app(gatelodge.BackendH2C), codes.Unavailable},
		{"all down", app(gatelodge.BackendH2C, proxytest.DeadAddress(t)), codes.Unavailable},
		{"no host", func(*gatelodge.Snapshot) {}, codes.Unimplemented},
		{"no credentials", func(s *gatelodge.Snapshot) {
			app(gatelodge.BackendH2C)(s)
			onlyHost(s).Routes[0].Policy = &gatelodge.Policy{BasicAuth: &gatelodge.BasicAuth{Realm: "shop"}}
		}, codes.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			inModes(t, func(t *testing.T, m mode) {
				g := start(t, c.build)
				ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
				defer cancel()
				err := g.grpc(m).Invoke(ctx, "/test.Echo/Call", wrapperspb.String("hello"), new(wrapperspb.StringValue))
				if status.Code(err) != c.want {
					t.Errorf("got %v, want %v", err, c.want)
				}
			}, h2, h2c)
		})
	}
}

// TestUnavailableCalls: a call that an endpoint ends with UNAVAILABLE before any
// message goes to another one only if the route asks for that, as it may have been
// processed.
func TestUnavailableCalls(t *testing.T) {
	for on, want := range map[string]codes.Code{
		"error": codes.Unavailable, "http_503": codes.Unavailable, "http_503 non_idempotent": codes.OK,
	} {
		t.Run(on, func(t *testing.T) {
			conditions, err := gatelodge.ParseRetryConditions(on)
			if err != nil {
				t.Fatal(err)
			}
			inModes(t, func(t *testing.T, m mode) {
				bad := grpcBackend(t, grpc.UnaryInterceptor(func(context.Context, any, *grpc.UnaryServerInfo, grpc.UnaryHandler) (any, error) {
					return nil, status.Error(codes.Unavailable, "not now")
				}))
				g := start(t, app(gatelodge.BackendH2C, bad, grpcBackend(t)), policy(&gatelodge.Policy{Retries: &gatelodge.RetryRules{On: conditions}}))
				g.nextIs(bad)
				ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
				defer cancel()
				got := new(wrapperspb.StringValue)
				err := g.grpc(m).Invoke(ctx, "/test.Echo/Call", wrapperspb.String("hello"), got)
				if status.Code(err) != want || err == nil && got.Value != "hello" {
					t.Errorf("got %q, %v, want %v", got.Value, err, want)
				}
			})
		})
	}
}
