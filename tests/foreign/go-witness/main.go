// witness serves transparency-dev's witness over C2SP tlog-witness on loopback, with a fresh key
// and its state in memory, until its standard input closes.
//
//	witness [--listen 127.0.0.1:0] [--name NAME] --vkey-out FILE --logs FOLDER
//
// It writes its verifier key to FILE, then prints one line: "ready http://127.0.0.1:PORT". FOLDER
// holds one file *.vkey for each log to witness, whose name is the origin. It is read again for every
// request, because a log needs its witness's key before it can have a key of its own.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"

	"placet.test/foreign/peer"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "loopback address")
	name := flag.String("name", "witness.example/go", "key name of the witness")
	keyOut := flag.String("vkey-out", "", "where to write the witness's verifier key")
	logs := flag.String("logs", "", "folder with the verifier keys of the logs to witness")
	flag.Parse()
	if *keyOut == "" || *logs == "" {
		peer.Broken("usage: witness --vkey-out FILE --logs FOLDER")
	}

	handler := witness.NewHTTPHandler(newWitness(*name, *keyOut, *logs))
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		peer.Broken("%v", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", handler.AddCheckpoint)
	go func() { peer.Broken("%v", http.Serve(listener, mux)) }()

	peer.Say("github.com/transparency-dev/witness")
	fmt.Printf("ready http://%s\n", listener.Addr())
	// Whoever started this holds the other end of the pipe: when that goes, so does the witness.
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func newWitness(name, keyOut, logs string) *witness.Witness {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		peer.Broken("%v", err)
	}
	signer, err := f_note.NewSignerForCosignatureV1(private)
	if err != nil {
		peer.Broken("%v", err)
	}
	cosignerKey, err := f_note.VKeyToCosignatureV1(public)
	if err != nil {
		peer.Broken("%v", err)
	}
	if err := os.WriteFile(keyOut, []byte(strings.TrimSpace(cosignerKey)+"\n"), 0o644); err != nil {
		peer.Broken("%v", err)
	}
	w, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(),
		Signers:     []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			return verifierFor(logs, origin)
		},
	})
	if err != nil {
		peer.Broken("%v", err)
	}
	return w
}

// verifierFor finds the key of a log among the files of a folder.
func verifierFor(folder, origin string) (note.Verifier, bool, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.vkey"))
	if err != nil {
		return nil, false, err
	}
	for _, file := range files {
		verifier, err := note.NewVerifier(peer.Text(file))
		if err != nil {
			return nil, false, err
		}
		if verifier.Name() == origin {
			return verifier, true, nil
		}
	}
	return nil, false, nil
}
