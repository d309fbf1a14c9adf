package main

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// echoProto describes the echo service. It is Go rather than a .proto file so that
// the build needs no code generator. It is equal to
//
//	package gatelodge.demo;
//	service Echo {
//	  rpc Say(google.protobuf.StringValue) returns (google.protobuf.StringValue);
//	  rpc Talk(stream google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
//	}
func echoProto() *descriptorpb.FileDescriptorProto {
	text := proto.String(".google.protobuf.StringValue")
	return &descriptorpb.FileDescriptorProto{
		Name:       proto.String("gatelodge/demo/echo.proto"),
		Package:    proto.String("gatelodge.demo"),
		Syntax:     proto.String("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: proto.String("Echo"),
			Method: []*descriptorpb.MethodDescriptorProto{
				{Name: proto.String("Say"), InputType: text, OutputType: text},
				{Name: proto.String("Talk"), InputType: text, OutputType: text, ClientStreaming: proto.Bool(true), ServerStreaming: proto.Bool(true)},
			},
		}},
	}
}

// newGRPCEcho returns a gRPC server with the echo service, health checks, and
// reflection, so that grpcurl can be used without a .proto file.
func newGRPCEcho() (*grpc.Server, error) {
	file, err := protodesc.NewFile(echoProto(), protoregistry.GlobalFiles)
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "gatelodge.demo.Echo",
		Methods:     []grpc.MethodDesc{{MethodName: "Say", Handler: say}},
		Streams:     []grpc.StreamDesc{{StreamName: "Talk", Handler: talk, ClientStreams: true, ServerStreams: true}},
		Metadata:    file.Path(),
	}, nil)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	reflectionpb.RegisterServerReflectionServer(server, reflection.NewServerV1(reflection.ServerOptions{
		Services:           server,
		DescriptorResolver: resolver{file},
	}))
	return server, nil
}

// say sends the message back.
func say(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var message wrapperspb.StringValue
	if err := decode(&message); err != nil {
		return nil, err
	}
	return &message, nil
}

// talk sends every message back when it arrives.
func talk(_ any, stream grpc.ServerStream) error {
	for {
		var message wrapperspb.StringValue
		if err := stream.RecvMsg(&message); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

// resolver finds one more file than those linked into the program.
type resolver struct{ file protoreflect.FileDescriptor }

// FindFileByPath implements protodesc.Resolver.
func (r resolver) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if path == r.file.Path() {
		return r.file, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

// FindDescriptorByName implements protodesc.Resolver.
func (r resolver) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if service := r.file.Services().ByName(name.Name()); service != nil && service.FullName() == name {
		return service, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}
