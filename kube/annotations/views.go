package annotations

import "strings"

// ViewsAnnotation lists the views in which the names of an object are, or on a
// Namespace those of its objects that don't say.
const ViewsAnnotation = OwnPrefix + "views"

// setViews reads the names of views. Which there are, package intent knows.
func setViews(a *Asked, value string) error {
	a.Views = ReadViews(value)
	return nil
}

// ReadViews reads names separated by commas; nil for none at all.
func ReadViews(value string) (names []string) {
	if strings.TrimSpace(value) == "" {
		return nil
	}
	for item := range strings.SplitSeq(value, ",") {
		names = append(names, strings.TrimSpace(item))
	}
	return names
}
