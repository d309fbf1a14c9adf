// Command pause does nothing until it is told to end: it holds the namespaces of
// a pod, as Kubernetes's program of that name does.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
