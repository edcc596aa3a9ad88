// Loops are two reference points for shipping a file of lines to Lumberjack with Elastic's own client
// library: raw sends each line unchanged, decode reads it into a map and encodes it again. They have
// no registry, no queue and no processors, so they are not Filebeat, and their results say nothing
// about Filebeat.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"log"
	"os"
	"syscall"
	"time"

	client "github.com/elastic/go-lumber/client/v2"
)

const (
	windowEvents = 2048 // Filebeat's bulk_max_size for its Logstash output
	pipelining   = 2    // and its pipelining
	maxLineBytes = 10 << 20
)

type result struct {
	Events      int     `json:"events"`
	WallSeconds float64 `json:"wall_s"`
	CPUSeconds  float64 `json:"cpu_s"`
	MaxRSSKiB   int64   `json:"max_rss_kib"`
}

// encoder is what the library calls for each event of a window.
func encoder(mode string) func(interface{}) ([]byte, error) {
	if mode == "decode" {
		return json.Marshal
	}
	return func(event interface{}) ([]byte, error) { return event.([]byte), nil }
}

// event is a line as the mode wants it; it never points into the scanner's buffer.
func event(mode string, line []byte) (interface{}, error) {
	if mode == "decode" {
		var decoded map[string]interface{}
		err := json.Unmarshal(line, &decoded)
		return decoded, err
	}
	return append([]byte(nil), line...), nil
}

// ship returns when the last window is acknowledged.
func ship(path, mode string, connection *client.AsyncClient) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	acks := make(chan error, pipelining+1)
	done := func(_ uint32, err error) { acks <- err }
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<16), maxLineBytes)
	window := make([]interface{}, 0, windowEvents)
	events, waiting := 0, 0
	for more := true; more; {
		if more = lines.Scan(); more {
			one, err := event(mode, lines.Bytes())
			if err != nil {
				return events, err
			}
			window = append(window, one)
		}
		if len(window) == windowEvents || (!more && len(window) > 0) {
			if waiting == pipelining {
				if err := <-acks; err != nil {
					return events, err
				}
				waiting--
			}
			if err := connection.Send(done, window); err != nil {
				return events, err
			}
			waiting++
			events += len(window)
			window = window[:0]
		}
	}
	for ; waiting > 0; waiting-- {
		if err := <-acks; err != nil {
			return events, err
		}
	}
	return events, lines.Err()
}

func seconds(spent syscall.Timeval) float64 {
	return float64(spent.Sec) + float64(spent.Usec)/1e6
}

func main() {
	mode := flag.String("mode", "raw", "raw or decode")
	level := flag.Int("compression", 0, "0 to 9")
	path := flag.String("file", "", "file of lines")
	address := flag.String("address", "127.0.0.1:5044", "Lumberjack server")
	flag.Parse()
	if *mode != "raw" && *mode != "decode" {
		log.Fatalf("unknown mode %q", *mode)
	}

	started := time.Now()
	connection, err := client.AsyncDial(*address, pipelining,
		client.CompressionLevel(*level), client.JSONEncoder(encoder(*mode)))
	if err != nil {
		log.Fatal(err)
	}
	events, err := ship(*path, *mode, connection)
	if err != nil {
		log.Fatal(err)
	}
	wall := time.Since(started).Seconds()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		log.Fatal(err)
	}
	cpu := seconds(used.Utime) + seconds(used.Stime)
	json.NewEncoder(os.Stdout).Encode(result{events, wall, cpu, used.Maxrss})
}
