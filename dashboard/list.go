package dashboard

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// perPage is the number of rows on a page. More would be slow to send and to lay out.
const perPage = 50

// list is the request for a page with rows, and the part that the page shows.
type list struct {
	Query string // every word of it must be in a row
	Only  string // the class of rows; "": all
	Total int    // rows that match
	First int    // number of the first row that is shown, from 1
	Last  int
	Page  int // from 1
	path  string
}

func readList(r *http.Request, path string) list {
	page, err := strconv.Atoi(r.FormValue("page"))
	if err != nil || page < 1 {
		page = 1
	}
	query := r.FormValue("q")
	if len(query) > 255 { // the length of the longest name
		query = query[:255]
	}
	return list{Query: strings.TrimSpace(strings.ToValidUTF8(query, "")), Only: r.FormValue("only"), Page: page, path: path}
}

// words returns the words to search for.
func (l *list) words() []string { return strings.Fields(strings.ToLower(l.Query)) }

// matches reports whether a text in lower case contains all of the words.
func matches(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// cut returns the rows of the page, and records which they are.
func cut[T any](l *list, rows []T) []T {
	l.Total = len(rows)
	l.Page = min(l.Page, max(1, (l.Total+perPage-1)/perPage))
	from := (l.Page - 1) * perPage
	to := min(from+perPage, l.Total)
	l.First, l.Last = from+1, to
	return rows[from:to]
}

// to returns the address of another part of the same list.
func (l list) to(only string, page int) string {
	values := url.Values{}
	for key, value := range map[string]string{"q": l.Query, "only": only} {
		if value != "" {
			values.Set(key, value)
		}
	}
	if page > 1 {
		values.Set("page", strconv.Itoa(page))
	}
	if len(values) == 0 {
		return l.path
	}
	return l.path + "?" + values.Encode()
}

// Previous returns the address of the previous page; "": there is none.
func (l list) Previous() string {
	if l.Page == 1 {
		return ""
	}
	return l.to(l.Only, l.Page-1)
}

// Next returns the address of the next page; "": there is none.
func (l list) Next() string {
	if l.Last >= l.Total {
		return ""
	}
	return l.to(l.Only, l.Page+1)
}

// Path returns the target of the search form.
func (l list) Path() string { return l.path }

// class is a link to the rows of one class.
type class struct {
	Name    string
	Count   int
	To      string
	Current bool
}

// class returns a link to the rows of one class; "" is for all.
func (l list) class(only, name string, n int) class {
	return class{Name: name, Count: n, To: l.to(only, 1), Current: only == l.Only}
}
