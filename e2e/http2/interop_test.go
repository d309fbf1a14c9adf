//go:build debian

package http2_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// TestInterop has gRPC's interoperability client talk to its server through the
// gateway, case by case.
func TestInterop(t *testing.T) {
	address := undertest.FreeAddress(t)
	server := &process.Process{
		Name: "the server", Path: program(t, "grpc-interop-server"), Args: []string{"--port", portOf(t, address)},
		Log: filepath.Join(t.TempDir(), "log"),
	}
	server.Run(t)
	awaitServer(t, address, server)
	s := newSite(t, "GRPC", address)
	client := program(t, "grpc-interop-client")
	for name, args := range map[string][]string{
		"clear text": {"--server_host", "localhost", "--server_port", portOf(t, s.HTTP)},
		"TLS":        {"--server_host", "localhost", "--server_port", portOf(t, s.HTTPS), "--use_tls", "--use_test_ca", "--ca_file", s.ca, "--server_host_override", host},
	} {
		t.Run(name, func(t *testing.T) {
			for _, test := range []string{
				"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
				"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response",
				"status_code_and_message", "special_status_message", "custom_metadata",
				"unimplemented_method", "unimplemented_service",
			} {
				t.Run(test, func(t *testing.T) {
					output, err := exec.Command(client, append(args, "--test_case", test)...).CombinedOutput()
					if err != nil {
						t.Errorf("%v\n%s", err, output)
					}
				})
			}
		})
	}
}
