// Witness checks a note from standard input with Go's libraries: it must have the cosignature of
// the witness with that key.
//
//	witness KEY
package main

import (
	"fmt"
	"io"
	"os"

	cosigned "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func check(key string) error {
	verifier, err := cosigned.NewVerifierForCosignatureV1(key)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	_, err = note.Open(text, note.VerifierList(verifier))
	return err
}

func main() {
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
