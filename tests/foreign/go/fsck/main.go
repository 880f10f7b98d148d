// fsck runs Tessera's integrity check over a tlog-tiles log: every entry bundle is read, the tree
// built anew, and each tile and the checkpoint's root compared. Tessera's own command shows the
// result and exits 0 either way; this one calls the same library and exits 1 on a failure.
//
//	fsck --vkey FILE [--origin NAME] URL        (http://, https:// or file://)
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"placet.test/foreign/peer"
)

const timeLimit = 2 * time.Minute

func main() {
	vkey := flag.String("vkey", "", "file with the log's verifier key")
	origin := flag.String("origin", "", "origin line, if it is not the name of the key")
	flag.Parse()
	if flag.NArg() != 1 || *vkey == "" {
		peer.Broken("usage: fsck --vkey FILE [--origin NAME] URL")
	}
	verifier, err := note.NewVerifier(peer.Text(*vkey))
	if err != nil {
		peer.Broken("verifier key: %v", err)
	}
	if *origin == "" {
		*origin = verifier.Name()
	}
	source, err := fetcher(flag.Arg(0))
	if err != nil {
		peer.Broken("%v", err)
	}

	peer.Say("github.com/transparency-dev/tessera")
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	if err := fsck.New(*origin, verifier, source, leafHashes, fsck.Opts{N: 2}).Check(ctx); err != nil {
		peer.Refuse("%v", err)
	}
	checkpoint, _, _, err := client.FetchCheckpoint(ctx, source.ReadCheckpoint, verifier, *origin)
	if err != nil {
		peer.Refuse("%v", err)
	}
	if checkpoint.Size == 0 {
		peer.Refuse("the log is empty: nothing was checked")
	}
	fmt.Printf("accepted: %s, %d entries\n", *origin, checkpoint.Size)
}

func fetcher(address string) (fsck.Fetcher, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if parsed.Scheme == "file" {
		return &client.FileFetcher{Root: parsed.Path}, nil
	}
	return client.NewHTTPFetcher(parsed, nil)
}

// leafHashes turns a C2SP entry bundle into RFC 6962 leaf hashes.
func leafHashes(bundle []byte) ([][]byte, error) {
	parsed := &api.EntryBundle{}
	if err := parsed.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(parsed.Entries))
	for _, entry := range parsed.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}
