package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	revisionHeader = "X-Moorage-Revision"
	firstPause     = 4 * time.Millisecond
	longestPause   = 60 * time.Millisecond
	// A process without a header of its own is given this long to fail after a change.
	settled = time.Second
)

// Probe is where the process answers HTTP.
type Probe struct {
	Port int    `json:"port"`
	Path string `json:"path"`
}

// confirmer finds out when the process serves a revision, for the newest one only.
type confirmer struct {
	mutex  sync.Mutex
	cancel context.CancelFunc
}

func (c *confirmer) begin(s *session, revision int64, changed []string, probe *Probe) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go confirm(ctx, s, revision, changed, probe)
}

func confirm(ctx context.Context, s *session, revision int64, changed []string, probe *Probe) {
	began := time.Now()
	supervised := reload(ctx, s, revision, changed)
	if ctx.Err() != nil || supervised == "failed" {
		return
	}
	served := Message{Kind: "served", Revision: revision}
	if probe != nil {
		served.Confirmed = answered(ctx, probe, revision, began)
	} else {
		served.Confirmed = supervised == "ready"
	}
	served.Seconds = time.Since(began).Seconds()
	if ctx.Err() == nil {
		s.send(served, nil)
	}
}

// reload tells a supervisor in the service's container of the change and passes on what it says: "ready" or "failed";
// empty where there is none, as for a process that watches its files itself.
func reload(ctx context.Context, s *session, revision int64, changed []string) string {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "unix", s.layout.reload())
	if err != nil {
		return ""
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { connection.Close() })
	defer stop()
	request, _ := json.Marshal(map[string]any{"revision": revision, "changed": changed})
	if _, err := connection.Write(append(request, '\n')); err != nil {
		return ""
	}
	lines := bufio.NewScanner(connection)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var answer struct {
			State string `json:"state"`
		}
		if json.Unmarshal(lines.Bytes(), &answer) != nil {
			continue
		}
		text := append([]byte(nil), lines.Bytes()...)
		s.send(Message{Kind: "reload", Revision: revision, Reload: text}, nil)
		if answer.State == "ready" || answer.State == "failed" {
			return answer.State
		}
	}
	return ""
}

// answered waits until the process answers with the revision; false where it answers without saying one.
func answered(ctx context.Context, probe *Probe, revision int64, began time.Time) bool {
	client := http.Client{
		Timeout:       5 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	url := fmt.Sprintf("http://127.0.0.1:%d%s", probe.Port, probe.Path)
	for pause := firstPause; ctx.Err() == nil; pause = min(pause*2, longestPause) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		if answer, err := client.Do(request); err == nil {
			answer.Body.Close()
			text := strings.TrimSpace(answer.Header.Get(revisionHeader))
			if number, err := strconv.ParseInt(text, 10, 64); err == nil && number >= revision {
				return true
			} else if text == "" && answer.StatusCode < 400 && time.Since(began) > settled {
				return false
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return false
}
