package wire

// ParseLength parses a Content-Length: only digits (RFC 9110 §8.6). before is the value
// of another one in the message, -1 if there was none.
func ParseLength(value string, before int64) (int64, error) {
	if value == "" || len(value) > 18 { // 18 digits fit an int64
		return 0, Badf("Content-Length %q: expected up to 18 digits", value)
	}
	var n int64
	for i := range len(value) {
		c := value[i]
		if !IsDigit(c) {
			return 0, Badf("Content-Length %q: expected only digits", value)
		}
		n = n*10 + int64(c-'0')
	}
	if before >= 0 && before != n {
		return 0, Badf("there are two Content-Lengths: %d and %d", before, n)
	}
	return n, nil
}
