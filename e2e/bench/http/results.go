package main

import (
	"fmt"
	"io"
	"slices"
)

// results are the values of all runs by row and peer.
type results map[string]map[string][]float64

func (r results) add(row, peer string, value float64) {
	if r[row] == nil {
		r[row] = make(map[string][]float64)
	}
	r[row][peer] = append(r[row][peer], value)
}

// print writes a table of the medians, with the ratio of Gatelodge to each
// other peer.
func (r results) print(w io.Writer, peers []string) {
	fmt.Fprint(w, "\n| row | |")
	for _, peer := range peers {
		fmt.Fprintf(w, " %s |", peer)
	}
	fmt.Fprint(w, " ratio |\n|---|---|")
	for range peers {
		fmt.Fprint(w, "--:|")
	}
	fmt.Fprintln(w, "---|")
	for _, row := range rows {
		values := r[row.name]
		if values == nil {
			continue
		}
		fmt.Fprintf(w, "| %s: %s | %s |", row.name, row.about, row.unit)
		ratios := ""
		ours := median(values["gatelodge"])
		for _, peer := range peers {
			m := median(values[peer])
			fmt.Fprintf(w, " %.1f |", m)
			if peer != "gatelodge" && ours > 0 {
				ratios += fmt.Sprintf(" %.2f × %s", ours/m, peer)
			}
		}
		fmt.Fprintf(w, "%s |\n", ratios)
	}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
