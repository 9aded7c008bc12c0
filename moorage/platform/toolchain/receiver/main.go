// The receiver runs beside a service that is being developed and keeps the service's source as new as the checkout.
//
//	receiver install FILE          copies itself, so that a container of another image can run it
//	receiver hold ROOT FOLDER...   makes a copy of the image's folders and waits: the pod's native sidecar
//	receiver ready ROOT            succeeds once the copy is as new as the checkout: the sidecar's startup probe
//	receiver alive ROOT            succeeds while the copy is there: the sidecar's liveness probe
//	receiver attach ROOT OWNER     takes changes on standard input and answers on standard output
//
// It needs no shell, no rights, and no writable file system but ROOT, an emptyDir.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Without a session nobody will send anything: the service then runs what its image holds.
const waitForSession = 20 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return fmt.Errorf("usage: receiver install FILE | hold ROOT FOLDER... | ready ROOT | alive ROOT | attach ROOT OWNER")
	}
	root := layout{arguments[1]}
	switch {
	case arguments[0] == "install":
		return install(arguments[1])
	case arguments[0] == "hold":
		return hold(root, arguments[2:])
	case arguments[0] == "ready":
		_, err := os.Stat(root.ready())
		return err
	case arguments[0] == "alive":
		_, err := os.Stat(root.folders())
		return err
	case arguments[0] == "attach" && len(arguments) == 3:
		return attach(root, arguments[2], os.Stdin, os.Stdout)
	}
	return fmt.Errorf("unknown command %q", arguments[0])
}

// layout names what is below the volume that receiver and service share.
type layout struct{ root string }

func (l layout) ready() string    { return filepath.Join(l.root, "state", "ready") }
func (l layout) folders() string  { return filepath.Join(l.root, "state", "folders.json") }
func (l layout) lock() string     { return filepath.Join(l.root, "state", "lock") }
func (l layout) staging() string  { return filepath.Join(l.root, "staging") }
func (l layout) source() string   { return filepath.Join(l.root, "source") }
func (l layout) revision() string { return filepath.Join(l.root, "control", "revision") }
func (l layout) reload() string   { return filepath.Join(l.root, "control", "reload.sock") }

func install(target string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Close()
}

// hold copies the image's folders into the volume, once, and stays. The service starts when a session has brought them
// up to date, or when none has come.
func hold(l layout, folders []string) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if _, err := os.Stat(l.folders()); err != nil {
		if err := seed(l, folders); err != nil {
			return err
		}
	}
	deadline := time.After(waitForSession)
	for {
		select {
		case <-stop:
			return nil
		case <-deadline:
			if !attached(l) {
				if err := touch(l.ready()); err != nil {
					return err
				}
			}
		}
	}
}

func seed(l layout, folders []string) error {
	for _, folder := range []string{l.staging(), l.source(), filepath.Dir(l.ready()), filepath.Dir(l.reload())} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	for index, folder := range folders {
		if err := copyTree(folder, filepath.Join(l.source(), fmt.Sprint(index))); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
	}
	if err := os.WriteFile(l.revision(), []byte("0\n"), 0o644); err != nil {
		return err
	}
	return writeJSON(l.folders(), folders)
}

func touch(path string) error { return os.WriteFile(path, nil, 0o644) }
