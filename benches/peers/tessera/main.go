// tessera appends records to a log of Tessera's POSIX driver, in this process, and prints what it
// measured as one line of JSON. Nothing of Tessera is changed or switched off to slow it down: what
// may be chosen is chosen for speed.
//
//	tessera --dir DIR [--seconds 5] [--size 1024] [--inflight 8192] [--batch 4096] [--age 100ms]
//
// Two stages of so many seconds each, on one log:
//
//   - rate: --inflight calls of Add wait at any time for their index. Tessera gives the index when
//     the entry is in its bundle, integrated, and on the disk, before any checkpoint covers it.
//   - latency: half of that rate is offered, evenly in time, and each entry is timed from Add until
//     a published checkpoint covers it (Tessera's own PublicationAwaiter, asking every 10 ms).
//
// What Tessera flushes (storage/posix/file_ops.go of the version in go.mod): every file is written
// with O_SYNC, then linked or renamed, then its folder is fsynced: bundles, tiles, its tree state and
// the checkpoint alike. So an entry whose index is known outlasts a power cut. Not flushed: the
// removal of partial tiles.
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const (
	module = "github.com/transparency-dev/tessera"
	// The least that the POSIX driver allows.
	checkpointInterval = 100 * time.Millisecond
	// How often the awaiter looks for a new checkpoint.
	pollInterval = 10 * time.Millisecond
	// Entries of the latency stage are offered so often.
	tick = time.Millisecond
)

// What is printed.
type result struct {
	Peer               string  `json:"peer"`
	Version            string  `json:"version"`
	Go                 string  `json:"go"`
	RatePerS           float64 `json:"rate_per_s"`
	Entries            int     `json:"entries"`
	OfferedPerS        float64 `json:"offered_per_s"`
	Samples            int     `json:"samples"`
	ProofP50Ms         float64 `json:"proof_p50_ms"`
	ProofP99Ms         float64 `json:"proof_p99_ms"`
	Fsync              string  `json:"fsync"`
	Antispam           bool    `json:"antispam"`
	Size               int     `json:"size"`
	Inflight           int     `json:"inflight"`
	Batch              uint    `json:"batch"`
	BatchAgeMs         int64   `json:"batch_age_ms"`
	CheckpointMs       int64   `json:"checkpoint_interval_ms"`
	Seconds            int     `json:"seconds"`
	GarbageCollectionS float64 `json:"garbage_collection_s"`
}

// The records and the log that they go to.
type load struct {
	appender *tessera.Appender
	await    *tessera.PublicationAwaiter
	size     int
	serial   atomic.Uint64
}

func main() {
	dir := flag.String("dir", "", "folder of the log, which is made")
	seconds := flag.Int("seconds", 5, "length of each stage")
	size := flag.Int("size", 1024, "bytes of a record")
	inflight := flag.Int("inflight", 8192, "calls that wait at any time")
	batch := flag.Uint("batch", 4096, "most entries of one batch")
	age := flag.Duration("age", checkpointInterval, "longest wait for a batch to fill")
	flag.Parse()
	if *dir == "" || *size < 16 || *seconds < 1 || *inflight < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	work, shutdown := open(ctx, *dir, *size, *inflight, *batch, *age)
	stage := time.Duration(*seconds) * time.Second
	entries, took := work.rate(ctx, stage, *inflight)
	rate := float64(entries) / took.Seconds()
	waits := work.latency(ctx, stage, rate/2)
	if err := shutdown(ctx); err != nil {
		fail(err)
	}
	slices.Sort(waits)
	out := result{
		Peer: "Tessera, POSIX driver", Version: version(), Go: runtime.Version(),
		RatePerS: rate, Entries: entries, OfferedPerS: rate / 2, Samples: len(waits),
		ProofP50Ms: quantile(waits, 50), ProofP99Ms: quantile(waits, 99),
		Fsync: "O_SYNC on every file, fsync of every folder", Antispam: false, Size: *size,
		Inflight: *inflight, Batch: *batch, BatchAgeMs: age.Milliseconds(),
		CheckpointMs: checkpointInterval.Milliseconds(), Seconds: *seconds,
		GarbageCollectionS: tessera.DefaultGarbageCollectionInterval.Seconds(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fail(err)
	}
}

func open(ctx context.Context, dir string, size, inflight int, batch uint, age time.Duration) (*load, func(context.Context) error) {
	secret, _, err := note.GenerateKey(rand.Reader, "example.com/peer")
	if err != nil {
		fail(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		fail(err)
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		fail(err)
	}
	// No antispam: it would look up every entry, which costs Tessera half of its rate.
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(checkpointInterval).
		WithBatching(batch, age).
		WithPushback(uint(4*inflight)))
	if err != nil {
		fail(err)
	}
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, pollInterval)
	return &load{appender: appender, await: await, size: size}, shutdown
}

// A record like ours: no two are the same.
func (l *load) record() *tessera.Entry {
	data := make([]byte, l.size)
	for at := range data {
		data[at] = 'x'
	}
	binary.BigEndian.PutUint64(data, l.serial.Add(1))
	return tessera.NewEntry(data)
}

// rate keeps so many calls waiting for their index, and gives the number of those that were answered in time.
func (l *load) rate(ctx context.Context, stage time.Duration, inflight int) (int, time.Duration) {
	var answered atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range inflight {
		all.Go(func() {
			for time.Since(start) < stage {
				if _, err := l.appender.Add(ctx, l.record())(); err != nil {
					fail(err)
				}
				if time.Since(start) < stage {
					answered.Add(1)
				}
			}
		})
	}
	all.Wait()
	return int(answered.Load()), stage
}

// latency offers so many entries a second and gives how long each took to be covered, in milliseconds.
func (l *load) latency(ctx context.Context, stage time.Duration, perSecond float64) []float64 {
	var lock sync.Mutex
	var waits []float64
	var all sync.WaitGroup
	start := time.Now()
	clock := time.NewTicker(tick)
	defer clock.Stop()
	offered := 0
	for now := start; now.Sub(start) < stage; now = <-clock.C {
		due := int(now.Sub(start).Seconds() * perSecond)
		for ; offered < due; offered++ {
			// An entry's time begins when it was due, also if this loop is late.
			began := start.Add(time.Duration(float64(offered) / perSecond * float64(time.Second)))
			all.Go(func() {
				if _, _, err := l.await.Await(ctx, l.appender.Add(ctx, l.record())); err != nil {
					fail(err)
				}
				wait := time.Since(began).Seconds() * 1000
				lock.Lock()
				waits = append(waits, wait)
				lock.Unlock()
			})
		}
	}
	all.Wait()
	return waits
}

func quantile(sorted []float64, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100]
}

// The version that was built in.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, used := range info.Deps {
			if used.Path == module {
				return used.Version
			}
		}
	}
	return "unknown"
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "tessera:", err)
	os.Exit(1)
}
