package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const (
	watched = syscall.IN_CLOSE_WRITE | syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_FROM |
		syscall.IN_MOVED_TO | syscall.IN_ATTRIB | syscall.IN_ONLYDIR
	quiet = 5 * time.Millisecond
)

// twoWay looks after folders to which the service writes, and sends what it wrote to the checkout.
type twoWay struct {
	inotify int
	folders map[string]bool
}

var watching *twoWay

// watch starts to look after folders ("0/data"), unless that has been done.
func (s *session) watch(folders []string) {
	if len(folders) == 0 || watching != nil {
		return
	}
	number, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		s.send(Message{Kind: "refused", Text: "the service's own changes are not watched: " + err.Error()}, nil)
		return
	}
	watching = &twoWay{inotify: number, folders: map[string]bool{}}
	go watching.run(s, folders)
}

func (t *twoWay) add(path string) {
	filepath.WalkDir(path, func(folder string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			syscall.InotifyAddWatch(t.inotify, folder, watched)
		}
		return nil
	})
}

func (t *twoWay) run(s *session, folders []string) {
	for {
		for _, folder := range folders {
			t.add(filepath.Join(s.layout.source(), folder))
		}
		t.compare(s, folders)
		buffer := make([]byte, 1<<16)
		count, err := syscall.Read(t.inotify, buffer)
		if err != nil || count < int(unsafe.Sizeof(syscall.InotifyEvent{})) {
			return
		}
		time.Sleep(quiet)
	}
}

// compare sends what differs from what both sides knew.
func (t *twoWay) compare(s *session, folders []string) {
	s.writing.Lock()
	defer s.writing.Unlock()
	now, err := tree(s.layout, s.seen)
	if err != nil {
		return
	}
	var operations []Operation
	var payload []byte
	of := func(path string) bool {
		for _, folder := range folders {
			if folder == path || strings.HasPrefix(path, folder+"/") {
				return true
			}
		}
		return false
	}
	for _, path := range slices.Sorted(maps.Keys(s.current)) {
		if entry, there := now[path]; of(path) && (!there || entry.Kind != s.current[path].Kind) {
			operations = append(operations, Operation{Op: "delete", Path: path})
			delete(s.current, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		entry := now[path]
		if before, there := s.current[path]; !of(path) || there && before == entry {
			continue
		}
		operation := Operation{Path: path, Mode: entry.Mode}
		full := filepath.Join(s.layout.source(), path)
		switch entry.Kind {
		case "d":
			operation.Op = "folder"
		case "l":
			operation.Op, operation.Target = "link", entry.Hash
		default:
			content, err := os.ReadFile(full)
			if err != nil {
				continue
			}
			operation.Op, operation.Size = "put", int64(len(content))
			payload = append(payload, content...)
		}
		operations = append(operations, operation)
		s.current[path] = entry
	}
	if len(operations) > 0 {
		s.send(Message{Kind: "change", Operations: operations}, payload)
	}
}
