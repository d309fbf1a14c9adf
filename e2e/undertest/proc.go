package undertest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Memory returns a size in /proc/PID/status, such as VmRSS, in octets.
func (g *Gateway) Memory(field string) int {
	g.t.Helper()
	for line := range strings.Lines(string(g.proc("status"))) {
		var kib int
		if n, _ := fmt.Sscanf(line, field+": %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	g.t.Fatalf("/proc does not say the %s of %s", field, g.Name)
	return 0
}

// CPU returns the CPU time that the gateway has used, of user and system.
func (g *Gateway) CPU() time.Duration {
	g.t.Helper()
	// proc_pid_stat(5); the program's name contains no blank
	fields := bytes.Fields(g.proc("stat"))
	const utime, stime, ticksPerSecond = 13, 14, 100
	var ticks int
	for _, field := range []int{utime, stime} {
		n, err := strconv.Atoi(string(fields[field]))
		if err != nil {
			g.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

func (g *Gateway) proc(name string) []byte {
	g.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", g.process.Process.Pid, name))
	if err != nil {
		g.t.Fatal(err)
	}
	return text
}

// Child returns the process that a gateway started with --supervise serves with.
func (g *Gateway) Child() (pid int) {
	g.t.Helper()
	g.Await("it to have a child", func() error {
		lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", g.process.Process.Pid))
		if err != nil {
			return err
		}
		for _, list := range lists { // one for each thread that may have started it
			text, err := os.ReadFile(list)
			if n, _ := fmt.Sscan(string(text), &pid); err == nil && n == 1 {
				return nil
			}
		}
		return errors.New("it has none")
	})
	return pid
}
