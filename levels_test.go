package gatelodge

import (
	"slices"
	"testing"
)

func TestShortNamesKeepTheLastLevel(t *testing.T) {
	two := Levels{Zone: "pke.example.com", Names: []string{"domain", "project"}}
	three := Levels{Zone: "example.com", Names: []string{"site", "domain", "project"}}
	for _, test := range []struct {
		levels Levels
		name   Name
		want   Name // "": it has no short name
	}{
		{two, "app.projectc.marketing.pke.example.com", "app.projectc.pke.example.com"},
		{two, "a.b.projectc.marketing.pke.example.com", "a.b.projectc.pke.example.com"},
		{two, "*.projectc.marketing.pke.example.com", "*.projectc.pke.example.com"},
		{two, "projectc.marketing.pke.example.com", ""},
		{two, "*.marketing.pke.example.com", ""},
		{two, "marketing.pke.example.com", ""},
		{two, "pke.example.com", ""},
		{two, "app.projectc.marketing.example.com", ""},
		{two, "app.projectc.marketing.xpke.example.com", ""},
		{two, "", ""},
		{three, "app.projectc.marketing.pke.example.com", "app.projectc.example.com"},
		{Levels{Zone: "example.com", Names: []string{"project"}}, "app.projectc.example.com", ""},
		{Levels{}, "app.projectc.example.com", ""},
	} {
		got, ok := test.levels.Short(test.name)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Short(%s) in %s = %q, %t, want %q", test.name, test.levels.Zone, got, ok, test.want)
		}
	}
}

func TestNamesHaveTheLevelsOfTheirZone(t *testing.T) {
	s := Snapshot{Levels: []Levels{
		{Zone: "example.com", Names: []string{"site"}},
		{Zone: "pke.example.com", Names: []string{"domain", "project"}},
	}}
	for name, want := range map[Name][]Level{
		"app.web.sales.pke.example.com": {{"domain", "sales"}, {"project", "web"}},
		"sales.pke.example.com":         {{"domain", "sales"}},
		"*.sales.pke.example.com":       {{"domain", "sales"}},
		"pke.example.com":               {},
		"app.west.example.com":          {{"site", "west"}},
		"app.example.net":               nil,
	} {
		if got := s.LevelsOf(name); !slices.Equal(got, want) {
			t.Errorf("LevelsOf(%s) = %v, want %v", name, got, want)
		}
	}
}
