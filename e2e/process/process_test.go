package process_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatelodge.dev/e2e/process"
	"gatelodge.dev/e2e/undertest"
)

// TestStopEndsChildren: a program's own processes have ended when Stop returns.
func TestStopEndsChildren(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "child")
	p := &process.Process{
		Name: "a shell", Path: "/bin/sh", Args: []string{"-c", "sleep 1000 & echo $! > " + file + ".part; mv " + file + ".part " + file + "; wait"},
		Log: filepath.Join(dir, "log"),
	}
	p.Start(t)
	var child string
	undertest.Await(t, "the child", func() error {
		text, err := os.ReadFile(file)
		child = strings.TrimSpace(string(text))
		return err
	}, p)
	p.Stop()
	stat, err := os.ReadFile("/proc/" + child + "/stat")
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("the child is there still: %s", stat)
	}
}
