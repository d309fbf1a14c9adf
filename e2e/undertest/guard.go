package undertest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// GuardReport is what /api/guard says.
type GuardReport struct {
	Holding, Starting bool
	Hash              string
	Hosts             []string
}

// GuardReport asks for the guard's report.
func (g *Gateway) GuardReport() (r GuardReport, err error) {
	body, err := g.Page("/api/guard")
	if err == nil {
		err = json.Unmarshal([]byte(body), &r)
	}
	return r, err
}

// AwaitWithheld waits until the guard withholds this many hosts.
func (g *Gateway) AwaitWithheld(hosts int) (r GuardReport) {
	g.t.Helper()
	g.Await(fmt.Sprintf("%d hosts to be withheld", hosts), func() (err error) {
		if r, err = g.GuardReport(); err == nil && len(r.Hosts) != hosts {
			err = fmt.Errorf("%d are", len(r.Hosts))
		}
		return err
	})
	return r
}

// Confirm confirms what the guard holds, at the admin endpoint.
func (g *Gateway) Confirm(hash string) {
	g.t.Helper()
	response, err := http.Post("http://"+g.Admin+"/api/guard/confirm?hash="+hash, "", nil)
	if err != nil {
		g.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		g.t.Fatalf("confirming %s: status %d", hash, response.StatusCode)
	}
}
