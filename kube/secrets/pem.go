package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// The start and end of a block of PEM (RFC 7468 §2).
const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
	pemDash  = "-----"
)

// errNoBlock completes a message that begins with the name of a text.
var errNoBlock = errors.New("has no block of PEM")

// readPEM reads the blocks of a text as people paste it. Beyond RFC 7468 it accepts
// unambiguous mistakes that encoding/pem drops silently: a byte order mark, blocks with
// no line end between them, and lines that were joined or whose ends became the two
// characters "\n". An error says what the text is instead.
func readPEM(text []byte) ([]*pem.Block, error) {
	var blocks []*pem.Block
	rest := string(bytes.TrimPrefix(text, []byte("\ufeff")))
	for {
		_, after, found := strings.Cut(rest, pemBegin)
		if !found {
			break
		}
		kind, after, found := strings.Cut(after, pemDash)
		if !found || !isBlockType(kind) {
			return nil, errors.New(`holds a line "-----BEGIN" that is not whole`)
		}
		body, after, found := strings.Cut(after, pemEnd+kind+pemDash)
		if !found || strings.Contains(body, pemBegin) {
			return nil, fmt.Errorf("holds a block %q without its end, %q", kind, pemEnd+kind+pemDash)
		}
		block, err := readBlock(kind, body)
		if err != nil {
			return nil, err
		}
		blocks, rest = append(blocks, block), after
	}
	if len(blocks) == 0 {
		return nil, notPEM(text)
	}
	return blocks, nil
}

// isBlockType reports whether a text can be the type of a block. Anything else may be a
// part of a key, which must not get into a message.
func isBlockType(kind string) bool {
	return len(kind) <= 40 && strings.Trim(kind, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .#") == ""
}

// readBlock reads the content between the two lines. Headers, which only keys that
// OpenSSL encrypted have (RFC 1421 §4.6), end at a blank line.
func readBlock(kind, body string) (*pem.Block, error) {
	block := &pem.Block{Type: kind, Headers: make(map[string]string)}
	body = strings.NewReplacer(`\r`, "\r", `\n`, "\n", "\r\n", "\n").Replace(body)
	for {
		line, after, _ := strings.Cut(strings.TrimLeft(body, "\n"), "\n")
		key, value, isHeader := strings.Cut(line, ":")
		if !isHeader {
			break
		}
		block.Headers[strings.TrimSpace(key)] = strings.TrimSpace(value)
		body = after
	}
	if isEncrypted(block) {
		return block, nil // its content is not needed
	}
	digits := strings.Join(strings.Fields(body), "")
	der, err := base64.StdEncoding.DecodeString(digits)
	if err != nil {
		der, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(digits, "="))
	}
	if err != nil || len(der) == 0 {
		return nil, fmt.Errorf("holds a block %q that is not base64", kind)
	}
	block.Bytes = der
	return block, nil
}

// isEncrypted reports whether a passphrase is needed to read the block, in the
// form of PKCS #8 (RFC 7468 §11) or in OpenSSL's older one.
func isEncrypted(block *pem.Block) bool {
	return block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Headers["DEK-Info"] != ""
}

// notPEM returns what a text without blocks is.
func notPEM(text []byte) error {
	text = bytes.TrimSpace(text)
	switch {
	case bytes.HasPrefix(text, []byte("LS0tLS1CRUdJTi")): // base64 of "-----BEGIN"
		return errors.New("is encoded in base64 twice: write the PEM itself, or in data its base64")
	case bytes.HasPrefix(text, []byte{0x30, 0x82}), bytes.HasPrefix(text, []byte{0x30, 0x83}), bytes.HasPrefix(text, []byte{0x30, 0x81}):
		return errors.New("is binary (DER or PKCS #12), expected PEM: openssl x509 -inform DER, openssl pkey -inform DER or openssl pkcs12 -nodes make it that")
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return errors.New("is in UTF-16, expected PEM in ASCII")
	}
	return errNoBlock
}
