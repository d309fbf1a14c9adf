package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
)

// jsonText makes the answer that is compressed: a list as an API returns it.
func jsonText() []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("[")
	for id := 1000; ; id++ {
		entry := fmt.Sprintf(`{"id":%d,"name":"service-%x","namespace":"team-%d","ready":%t,"cpu":%.3f,"created":"2026-11-%02dT%02d:00:00Z"},`,
			id, random.Uint32(), random.IntN(20), random.IntN(4) > 0, random.Float64(), 1+random.IntN(28), random.IntN(24))
		if b.Len()+len(entry) >= jsonBytes {
			break
		}
		b.WriteString(entry)
	}
	return append(bytes.TrimRight(b.Bytes(), ","), fmt.Sprintf("%*s", 1+jsonBytes-b.Len(), "]")...)
}

// compressed reads an answer that the proxy has compressed. Each one is read whole; one in
// a hundred is also looked into, because that costs the load more than the proxy.
func (l *load) compressed(in *bufio.Reader) error {
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "gzip" {
		return fmt.Errorf("wrong answer: %s, %v", response.Status, response.Header)
	}
	if l.count.Load()%100 > 0 {
		n, err := io.Copy(io.Discard, response.Body)
		if err == nil && (n == 0 || n >= int64(l.answer)) {
			err = fmt.Errorf("wrong answer: %d bytes of %d", n, l.answer)
		}
		return err
	}
	plain, err := gzip.NewReader(response.Body)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(plain)
	if err == nil && len(text) != l.answer {
		err = fmt.Errorf("wrong answer: %d bytes of content, expected %d", len(text), l.answer)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	return err
}
