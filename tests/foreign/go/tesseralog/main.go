// tesseralog runs a Tessera log on POSIX files that publishes nothing until a witness policy is
// met, so that a witness of ours can be put behind a log that others wrote.
//
//	tesseralog --dir DIR --skey FILE --policy FILE [--rounds 3] [--each 5] [--limit 1m]
//	tesseralog --new-key NAME --skey FILE --vkey FILE
//
// Each round appends entries, waits until Tessera has published a checkpoint that includes them,
// and checks that it satisfies the policy. Exit code 0: all rounds were cosigned; 1: not.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"placet.test/foreign/peer"
)

const (
	witnessTimeout = 10 * time.Second
	pollInterval   = 100 * time.Millisecond
)

func main() {
	newKey := flag.String("new-key", "", "make a key of this name, and stop")
	skey := flag.String("skey", "", "file with the log's signing key")
	vkey := flag.String("vkey", "", "where --new-key writes the verifier key")
	dir := flag.String("dir", "", "folder of the log")
	policy := flag.String("policy", "", "witness policy (C2SP tlog-policy)")
	rounds := flag.Int("rounds", 3, "number of checkpoints to have cosigned")
	each := flag.Int("each", 5, "entries per checkpoint")
	limit := flag.Duration("limit", time.Minute, "how long to wait for all of it")
	flag.Parse()
	if *newKey != "" {
		makeKey(*newKey, *skey, *vkey)
		return
	}
	signer, err := note.NewSigner(peer.Text(*skey))
	if err != nil {
		peer.Broken("%v", err)
	}
	rules, err := tessera.NewWitnessGroupFromPolicy([]byte(peer.Text(*policy) + "\n"))
	if err != nil {
		peer.Broken("policy: %v", err)
	}
	peer.Say("github.com/transparency-dev/tessera")
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	run(ctx, *dir, signer, rules, *rounds, *each)
}

func run(ctx context.Context, dir string, signer note.Signer, rules tessera.WitnessGroup, rounds, each int) {
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		peer.Broken("%v", err)
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(each), pollInterval).
		WithCheckpointInterval(pollInterval).
		WithWitnesses(rules, &tessera.WitnessOptions{FailOpen: false, Timeout: witnessTimeout}))
	if err != nil {
		peer.Broken("%v", err)
	}
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, pollInterval)
	for round := range rounds {
		var published []byte
		var futures []tessera.IndexFuture
		for entry := range each {
			text := fmt.Sprintf("round %d entry %d", round, entry)
			futures = append(futures, appender.Add(ctx, tessera.NewEntry([]byte(text))))
		}
		for _, future := range futures {
			if _, published, err = await.Await(ctx, future); err != nil {
				peer.Refuse("round %d: no cosigned checkpoint: %v", round, err)
			}
		}
		if !rules.Satisfied(published) {
			peer.Refuse("round %d: the checkpoint does not satisfy the policy", round)
		}
	}
	if err := shutdown(ctx); err != nil {
		peer.Broken("%v", err)
	}
	fmt.Printf("accepted: %d cosigned checkpoints over %d entries\n", rounds, rounds*each)
}

func makeKey(name, skeyPath, vkeyPath string) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		peer.Broken("%v", err)
	}
	if err := os.WriteFile(skeyPath, []byte(private+"\n"), 0o600); err != nil {
		peer.Broken("%v", err)
	}
	if err := os.WriteFile(vkeyPath, []byte(public+"\n"), 0o644); err != nil {
		peer.Broken("%v", err)
	}
}
