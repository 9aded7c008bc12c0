package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

const mostHeader = 64 << 20

// Message is the header of a frame: four bytes with its length, the header as JSON, then Size bytes.
type Message struct {
	Kind       string           `json:"kind"`
	Revision   int64            `json:"revision,omitempty"`
	Size       int64            `json:"size,omitempty"`
	Operations []Operation      `json:"operations,omitempty"`
	Probe      *Probe           `json:"probe,omitempty"`
	TwoWay     []string         `json:"twoWay,omitempty"`
	Last       bool             `json:"last,omitempty"`
	Folders    []string         `json:"folders,omitempty"`
	Tree       map[string]Entry `json:"tree,omitempty"`
	Text       string           `json:"text,omitempty"`
	Reload     json.RawMessage  `json:"reload,omitempty"`
	Seconds    float64          `json:"seconds,omitempty"`
	Confirmed  bool             `json:"confirmed,omitempty"`
}

type session struct {
	layout  layout
	out     *bufio.Writer
	sending sync.Mutex
	// writing is held by whoever changes the source or compares it, so that neither sees the other half-way.
	writing   sync.Mutex
	seen      known
	current   map[string]Entry
	confirmer confirmer
	number    int64
}

// attached tells whether a session holds the lock.
func attached(l layout) bool {
	file, err := os.OpenFile(l.lock(), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return false
	}
	defer file.Close()
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return true
	}
	return false
}

func attach(l layout, owner string, in io.Reader, out io.Writer) error {
	s := &session{layout: l, out: bufio.NewWriterSize(out, 1<<16), seen: known{}}
	if err := s.wait(); err != nil {
		return err
	}
	lock, err := os.OpenFile(l.lock(), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		other, _ := io.ReadAll(lock)
		return s.send(Message{Kind: "busy", Text: string(other)}, nil)
	}
	lock.Truncate(0)
	lock.WriteString(owner)
	var folders []string
	text, err := os.ReadFile(l.folders())
	if err == nil {
		err = json.Unmarshal(text, &folders)
	}
	if err != nil {
		return err
	}
	if s.current, err = tree(l, s.seen); err != nil {
		return err
	}
	if err := s.send(Message{Kind: "hello", Folders: folders, Tree: s.current}, nil); err != nil {
		return err
	}
	err = s.receive(bufio.NewReaderSize(in, 1<<20))
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// wait returns once the image's own files are in the volume.
func (s *session) wait() error {
	for range 1200 {
		if _, err := os.Stat(s.layout.folders()); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the image's files were not copied within a minute")
}

func (s *session) send(message Message, payload []byte) error {
	message.Size = int64(len(payload))
	header, err := json.Marshal(message)
	if err != nil {
		return err
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := binary.Write(s.out, binary.BigEndian, uint32(len(header))); err != nil {
		return err
	}
	s.out.Write(header)
	s.out.Write(payload)
	return s.out.Flush()
}

func (s *session) receive(in *bufio.Reader) error {
	for {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); err != nil {
			return err
		}
		if length > mostHeader {
			return fmt.Errorf("a header of %d bytes", length)
		}
		header := make([]byte, length)
		if _, err := io.ReadFull(in, header); err != nil {
			return err
		}
		var message Message
		if err := json.Unmarshal(header, &message); err != nil {
			return err
		}
		content := io.LimitReader(in, message.Size)
		var err error
		switch message.Kind {
		case "change":
			err = s.change(message, content)
		case "ping":
			err = s.send(Message{Kind: "pong"}, nil)
		default:
			err = fmt.Errorf("unknown message %q", message.Kind)
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
	}
}

func (s *session) change(message Message, content io.Reader) error {
	began := time.Now()
	var failed []string
	var changed []string
	s.writing.Lock()
	for _, operation := range message.Operations {
		s.number++
		changed = append(changed, operation.Path)
		if err := apply(s.layout, operation, content, s.number); err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", operation.Path, err))
			continue
		}
		s.note(operation)
	}
	s.writing.Unlock()
	if len(failed) > 0 {
		return s.send(Message{Kind: "refused", Revision: message.Revision, Text: strings.Join(failed, "\n")}, nil)
	}
	if !message.Last {
		return nil
	}
	aside := s.layout.staging() + "/revision"
	if err := os.WriteFile(aside, fmt.Appendf(nil, "%d\n", message.Revision), 0o644); err != nil {
		return err
	}
	if err := os.Rename(aside, s.layout.revision()); err != nil {
		return err
	}
	if err := touch(s.layout.ready()); err != nil {
		return err
	}
	written := Message{Kind: "written", Revision: message.Revision, Seconds: time.Since(began).Seconds()}
	if err := s.send(written, nil); err != nil {
		return err
	}
	s.confirmer.begin(s, message.Revision, changed, message.Probe)
	s.watch(message.TwoWay)
	return nil
}

// note remembers what is now at a changed path, so that it is not taken for the service's own change.
func (s *session) note(operation Operation) {
	path, err := s.layout.inside(operation.Path)
	if err != nil {
		return
	}
	for known := range s.current {
		if known == operation.Path || strings.HasPrefix(known, operation.Path+"/") {
			delete(s.current, known)
		}
	}
	if entry, ok := entryOf(path, s.seen); ok {
		s.current[operation.Path] = entry
	}
}
