package undertest

import (
	"bytes"
	"fmt"
	"os"
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
