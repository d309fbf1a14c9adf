package exchange

import "slices"

// Field is a header or trailer field. The engines convert its name to lower case
// in both directions: field names are case-insensitive (RFC 9110 §5.1). The value
// has no white space around it and no CR, LF or NUL in it.
type Field struct {
	Name, Value string
	Spelling    Spelling // of the name, for HTTP/1.1
}

// Fields is an ordered list of fields. Fields of the same name may be repeated and keep
// their order (RFC 9110 §5.3). Names passed to its methods are in lower case. Set and
// Del work in place: to keep the old list, copy it first (slices.Clone, or append to
// another slice).
type Fields []Field

// Get returns the value of the first field of this name, or "".
func (f Fields) Get(name string) string {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value
		}
	}
	return ""
}

// Has reports whether there is a field of this name.
func (f Fields) Has(name string) bool {
	return slices.ContainsFunc(f, func(field Field) bool { return field.Name == name })
}

// Add appends a field.
func (f *Fields) Add(name, value string) {
	*f = append(*f, Field{Name: name, Value: value})
}

// Set sets the first field of this name and removes the others, or appends one.
func (f *Fields) Set(name, value string) {
	for i := range *f {
		if (*f)[i].Name == name {
			(*f)[i].Value = value
			rest := Fields((*f)[i+1:])
			rest.Del(name)
			*f = (*f)[:i+1+len(rest)]
			return
		}
	}
	f.Add(name, value)
}

// Del removes the fields of this name.
func (f *Fields) Del(name string) {
	*f = slices.DeleteFunc(*f, func(field Field) bool { return field.Name == name })
}

// String formats the field for logs and tests, without its spelling.
func (f Field) String() string { return f.Name + ": " + f.Value }
