package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"gatelodge.dev/e2e/undertest"
)

func TestMain(m *testing.M) { os.Exit(undertest.Main(m.Run)) }

// serve starts a gateway that serves a folder of manifests with a configuration,
// and ends it with the test.
func serve(t *testing.T, folder, config string) *undertest.Gateway {
	t.Helper()
	return undertest.Start(t, "serve", "--manifests", folder, "--config", configFile(t, config))
}

// configFile writes a configuration into a file of its own.
func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	undertest.WriteFile(t, file, text)
	return file
}

// write puts text into a file of a folder.
func write(t *testing.T, folder, name, text string) {
	t.Helper()
	undertest.WriteFile(t, filepath.Join(folder, name), text)
}
