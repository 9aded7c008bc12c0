package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Entry is what a path holds: kind "f" (file), "l" (link) or "d" (folder), permission bits, and the SHA-256 of a
// file's content or the target of a link.
type Entry struct {
	Kind string `json:"kind"`
	Mode uint32 `json:"mode"`
	Hash string `json:"hash"`
}

// Operation changes one path. What "put" writes follows the message, in the order of the operations.
type Operation struct {
	Op     string `json:"op"`
	Path   string `json:"path"`
	Mode   uint32 `json:"mode"`
	Size   int64  `json:"size"`
	Target string `json:"target"`
}

// known remembers the content of files whose times and size did not change.
type known map[string]struct {
	stamp string
	hash  string
}

func copyTree(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(from, path)
		target := filepath.Join(to, relative)
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case info.IsDir():
			return os.MkdirAll(target, 0o755)
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return put(target, target+".moorage", info.Mode().Perm()|0o600, bytes.NewReader(content), int64(len(content)))
		}
		return nil
	})
}

// put writes a file aside and renames it into place, so that whoever reads it sees all of the old or all of the new.
func put(path, aside string, mode fs.FileMode, content io.Reader, size int64) error {
	file, err := os.OpenFile(aside, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(file, content, size)
	if err == nil {
		err = file.Chmod(mode)
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = rename(aside, path)
	}
	if err != nil {
		os.Remove(aside)
	}
	return err
}

// rename replaces whatever is at a path; only a folder needs to go first.
func rename(aside, path string) error {
	err := os.Rename(aside, path)
	if err == nil {
		return nil
	}
	if info, look := os.Lstat(path); look == nil && info.IsDir() {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	} else if err := makeFolders(filepath.Dir(path)); err != nil {
		return err
	}
	return os.Rename(aside, path)
}

// makeFolders makes a folder and those above it, in the place of files that are in the way.
func makeFolders(path string) error {
	err := os.MkdirAll(path, 0o755)
	for above := path; err != nil && above != "/" && above != "."; above = filepath.Dir(above) {
		if info, look := os.Lstat(above); look == nil && !info.IsDir() {
			if err := os.Remove(above); err != nil {
				return err
			}
			return os.MkdirAll(path, 0o755)
		}
	}
	return err
}

// apply makes one change below the source folder; content is read to the end of the operation whatever happens.
func apply(l layout, operation Operation, content io.Reader, number int64) error {
	limited := io.LimitReader(content, operation.Size)
	defer io.Copy(io.Discard, limited)
	path, err := l.inside(operation.Path)
	if err != nil {
		return err
	}
	aside := filepath.Join(l.staging(), fmt.Sprint(number))
	switch operation.Op {
	case "put":
		return put(path, aside, fs.FileMode(operation.Mode)&0o777, limited, operation.Size)
	case "mode":
		return os.Chmod(path, fs.FileMode(operation.Mode)&0o777)
	case "link":
		os.Remove(aside)
		if err := os.Symlink(operation.Target, aside); err != nil {
			return err
		}
		return rename(aside, path)
	case "folder":
		return makeFolders(path)
	case "delete":
		return os.RemoveAll(path)
	}
	return fmt.Errorf("unknown operation %q", operation.Op)
}

// inside returns a path of the source, and refuses one that leads out of it, by dots or through a link.
func (l layout) inside(path string) (string, error) {
	index, relative, _ := strings.Cut(path, "/")
	if index == "" || relative == "" || !filepath.IsLocal(path) {
		return "", fmt.Errorf("%q is not a path of the source", path)
	}
	full := filepath.Join(l.source(), path)
	for above := filepath.Dir(full); above != l.source(); above = filepath.Dir(above) {
		if info, err := os.Lstat(above); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			// A link where the checkout has a folder: the folder comes next, and takes its place.
			if err := os.Remove(above); err != nil {
				return "", err
			}
		}
	}
	return full, nil
}

// tree returns what is below the source folders, by path: "0/backend/api.py".
func tree(l layout, seen known) (map[string]Entry, error) {
	found := map[string]Entry{}
	err := filepath.WalkDir(l.source(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		relative, _ := filepath.Rel(l.source(), path)
		if !strings.Contains(relative, "/") {
			return nil
		}
		if one, ok := entryOf(path, seen); ok {
			found[relative] = one
		}
		return nil
	})
	return found, err
}

func entryOf(path string, seen known) (Entry, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return Entry{}, false
	}
	mode := uint32(info.Mode().Perm())
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return Entry{"l", 0, target}, err == nil
	case info.IsDir():
		return Entry{"d", 0, ""}, true
	case !info.Mode().IsRegular():
		return Entry{}, false
	}
	status, _ := info.Sys().(*syscall.Stat_t)
	stamp := fmt.Sprint(status.Ino, status.Size, status.Mtim, status.Ctim)
	recent := time.Since(time.Unix(status.Ctim.Unix())) < 50*time.Millisecond
	if before, ok := seen[path]; ok && before.stamp == stamp && !recent {
		return Entry{"f", mode, before.hash}, true
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Entry{}, false
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	seen[path] = struct {
		stamp string
		hash  string
	}{stamp, hash}
	return Entry{"f", mode, hash}, true
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	// Its being there says that all is ready, so it must be whole as soon as it is there.
	aside := path + ".new"
	if err := os.WriteFile(aside, text, 0o644); err != nil {
		return err
	}
	return os.Rename(aside, path)
}
