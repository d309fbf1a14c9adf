package proxy

import (
	"slices"

	gatelodge "gatelodge.dev"
	"gatelodge.dev/proxy/exchange"
)

// mostFieldText bounds what the edits of a request make of its values, in octets:
// several of them can repeat what the client sent.
const mostFieldText = 64 << 10

// fieldEdits are a FieldEdits with the values that a request has.
type fieldEdits struct {
	request, response []fieldEdit
}

// fieldEdit is a FieldEdit and the text of its value.
type fieldEdit struct {
	*gatelodge.FieldEdit
	text string
}

// editFields changes the fields of the request and of its response. It comes before
// all that may answer, because answers of the gateway have the fields too, and
// makes the values at once, from what the client sent.
func editFields(p *gatelodge.Policy) step {
	if p.Fields == nil {
		return nil
	}
	compiled, constant := &fieldEdits{}, true
	compile := func(source []gatelodge.FieldEdit) []fieldEdit {
		edits := make([]fieldEdit, len(source))
		for i := range source {
			text, ok := source[i].Value.Constant()
			edits[i] = fieldEdit{&source[i], text}
			constant = constant && ok
		}
		return edits
	}
	compiled.request, compiled.response = compile(p.Fields.Request), compile(p.Fields.Response)
	return func(r *request) *answer {
		edits := compiled
		if !constant {
			var ok bool
			if edits, ok = compiled.with(r); !ok {
				return &answer{status: 431, reason: "the values of fields that are set are too large", text: "Request Header Fields Too Large"}
			}
		}
		if len(edits.request) > 0 {
			r.hold().fields = edits.request
		}
		r.response.edits = edits.response
		return nil
	}
}

// with returns the edits with the values of the request, and false if they are too
// large.
func (f *fieldEdits) with(r *request) (edits *fieldEdits, ok bool) {
	edits = &fieldEdits{slices.Clone(f.request), slices.Clone(f.response)}
	made := 0
	for _, list := range [][]fieldEdit{edits.request, edits.response} {
		for i := range list {
			if e := &list[i]; e.text == "" {
				e.text = r.text(e.Value)
				if made += len(e.text); made > mostFieldText {
					return nil, false
				}
			}
		}
	}
	return edits, true
}

// apply changes a field.
func (e *fieldEdit) apply(fields *exchange.Fields) {
	switch {
	case e.Existing && !fields.Has(e.Name):
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

// editRequest changes the fields that the backend gets.
func (r *request) editRequest() {
	if r.held == nil {
		return
	}
	for i := range r.held.fields {
		r.held.fields[i].apply(&r.fields)
	}
	r.x.Header, r.body.edited = r.fields, r.held.fields
}

// edit changes the fields of the response, which are in p.fields.
func (p *response) edit(status int) {
	for i := range p.edits {
		e := &p.edits[i]
		if (e.Statuses == nil || slices.Contains(e.Statuses, uint16(status))) && !(e.FromBackend && p.ours) {
			e.apply(&p.fields)
		}
	}
}
