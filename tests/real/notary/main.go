// Notary checks what mcp-shipper writes, with Go's own libraries for notes and trees.
//
//	notary KEY FOLDER          the checkpoint and all tiles in FOLDER
//	notary KEY FOLDER PROOF HASH   a proof file, for the event with that hash
package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct{ folder string }

func (t tiles) Height() int { return 8 }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		// C2SP leaves the height out of the path that Go uses.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.folder, path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func checkpoint(vkey string, text []byte) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := hashOf(root)
	return tlog.Tree{N: size, Hash: hash}, err
}

func hashOf(data []byte) (tlog.Hash, error) {
	if len(data) != tlog.HashSize {
		return tlog.Hash{}, errors.New("not a hash of 32 bytes")
	}
	return *(*tlog.Hash)(data), nil
}

func checkTiles(vkey, folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := checkpoint(vkey, text)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, tiles{folder})
	for n := int64(0); n < tree.N; n++ {
		hash, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		if err != nil {
			return err
		}
		entry, err := entry(folder, n, tree.N)
		if err != nil {
			return err
		}
		if tlog.RecordHash(entry) != hash[0] {
			return fmt.Errorf("entry %d has another hash than its tile", n)
		}
		proof, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, hash[0]); err != nil {
			return err
		}
	}
	return nil
}

func entry(folder string, n, size int64) ([]byte, error) {
	width := 256
	if rest := size - n/256*256; rest < 256 {
		width = int(rest)
	}
	tile := tlog.Tile{H: 8, L: 0, N: n / 256, W: width}
	path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return nil, err
	}
	at := n % 256 * 34
	if data[at] != 0 || data[at+1] != 32 {
		return nil, errors.New("an entry has not 32 bytes")
	}
	return data[at+2 : at+34], nil
}

func checkProof(vkey, path, event string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, signed, _ := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return err
		}
		step, err := hashOf(hash)
		if err != nil {
			return err
		}
		proof = append(proof, step)
	}
	tree, err := checkpoint(vkey, []byte(signed))
	if err != nil {
		return err
	}
	leaf, err := hex.DecodeString(event)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(leaf))
}

func main() {
	var err error
	if len(os.Args) == 3 {
		err = checkTiles(os.Args[1], os.Args[2])
	} else {
		err = checkProof(os.Args[1], os.Args[3], os.Args[4])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("accepted")
}
