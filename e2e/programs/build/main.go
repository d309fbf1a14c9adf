// Build builds the named programs of the package above into the user's cache
// folder, or all of them when none is named, and prints the path of each.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"gatelodge.dev/e2e/programs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	names := os.Args[1:]
	if len(names) == 0 {
		names = programs.Names()
	}
	for _, name := range names {
		path, err := programs.Build(ctx, os.Stderr, name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(path)
	}
}
