package proxy

import (
	"slices"
	"strings"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// mostFieldText limits the text that the edits of a request produce, in octets, because
// several of them can repeat the client's text.
const mostFieldText = 64 << 10

// editList contains the compiled edits of a request and of its response, with their
// values for a request if these are set.
type editList struct {
	request, response []fieldEdit
	constant          bool // the values are the same for all requests
}

// fieldEdit is a FieldEdit and the text of its value.
type fieldEdit struct {
	*gatelodge.FieldEdit
	text string
}

// editFields changes the fields of the request and of its response. It comes before all
// steps that may answer, because answers of the gateway are changed too. The values are
// computed at once, from the fields that the client sent.
func editFields(p *gatelodge.Policy) step {
	if p.Fields == nil {
		return nil
	}
	compiled := compileEdits(p.Fields.Request, p.Fields.Response)
	return func(r *request) *answer {
		edits, refused := compiled.with(r)
		if refused != nil {
			return refused
		}
		if len(edits.request) > 0 {
			r.hold().fields = edits.request
		}
		r.response.edits = edits.response
		return nil
	}
}

func compileEdits(request, response []gatelodge.FieldEdit) editList {
	list := editList{constant: true}
	compile := func(source []gatelodge.FieldEdit) []fieldEdit {
		edits := make([]fieldEdit, len(source))
		for i := range source {
			text, ok := source[i].Value.Constant()
			edits[i] = fieldEdit{&source[i], text}
			list.constant = list.constant && ok
		}
		return edits
	}
	list.request, list.response = compile(request), compile(response)
	return list
}

// with returns the edits with the values of the request, or an answer if they are too
// large.
func (f *editList) with(r *request) (edits editList, refused *answer) {
	if f.constant {
		return *f, nil
	}
	edits = editList{request: slices.Clone(f.request), response: slices.Clone(f.response), constant: true}
	made := 0
	for _, list := range [][]fieldEdit{edits.request, edits.response} {
		for i := range list {
			if e := &list[i]; e.text == "" {
				e.text = r.text(e.Value)
				if made += len(e.text); made > mostFieldText {
					return edits, &answer{status: 431, reason: "the values of fields that are set are too large", text: "Request Header Fields Too Large"}
				}
			}
		}
	}
	return edits, nil
}

// applyTo changes a field, of a message that has these.
func (e *fieldEdit) applyTo(fields *exchange.Fields, of exchange.Fields) {
	switch {
	case e.Existing && !fields.Has(e.Name):
	case e.Types != nil && !e.isFor(of.Get("content-type")):
	case e.Prefix:
		*fields = slices.DeleteFunc(*fields, func(f exchange.Field) bool { return strings.HasPrefix(f.Name, e.Name) })
	case e.Change == gatelodge.AddField:
		if e.text != "" {
			fields.Add(e.Name, e.text)
		}
	case e.Change == gatelodge.ClearField || e.text == "":
		fields.Del(e.Name)
	default:
		fields.Set(e.Name, e.text)
	}
}

// isFor reports whether the edit applies to a Content-Type.
func (e *fieldEdit) isFor(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return slices.Contains(e.Types, strings.TrimSpace(kind))
}

// editRequest changes the fields that the backend gets.
func (r *request) editRequest() {
	if r.held == nil {
		return
	}
	for i := range r.held.fields {
		r.held.fields[i].applyTo(&r.fields, r.fields)
	}
	r.x.Header, r.body.edited = r.fields, slices.Concat(r.held.fields, r.held.input)
}

// edit changes the fields of the response, which are in p.fields.
func (p *response) edit(status int) {
	for i := range p.edits {
		e := &p.edits[i]
		if (e.Statuses == nil || slices.Contains(e.Statuses, uint16(status))) && !(e.FromBackend && p.ours) {
			e.applyTo(&p.fields, p.fields)
		}
	}
}
