// Fsck checks the tiles that mcp-shipper writes with the library of Tessera's own fsck command,
// which reports what it finds in a log and not in its exit code.
//
//	fsck KEY FOLDER
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
)

// With fewer, fsck waits for ever after its last worker has found a fault (v1.0.4).
const workers = 64

func leaves(bundle []byte) ([][]byte, error) {
	entries := &api.EntryBundle{}
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

func check(key, folder string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	origin, _, _ := strings.Cut(string(text), "\n")
	files := &client.FileFetcher{Root: folder}
	return fsck.New(origin, verifier, files, leaves, fsck.Opts{N: workers}).Check(context.Background())
}

func main() {
	if err := check(os.Args[1], os.Args[2]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("accepted")
}
