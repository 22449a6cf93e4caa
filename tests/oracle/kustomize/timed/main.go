// Builds with the kustomize library in one process, timed on request: what `cargo xtask bench render` runs beside our own
// crate. Reads JSON lines of {"tree": dir, "builds": [path], "disk": bool, "reset": bool}, builds each path once with the
// options of kustomize-controller and writes it as YAML; answers {"ns", "objects", "output", "idle_kb", "peak_kb"}.
// With "reset" the OpenAPI schema is loaded anew for every build, as kustomize-controller does.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

type request struct {
	Tree   string   `json:"tree"`
	Builds []string `json:"builds"`
	Disk   bool     `json:"disk"`
	Reset  bool     `json:"reset"`
}

type answer struct {
	Ns      int64 `json:"ns"`
	Objects int   `json:"objects"`
	Output  int   `json:"output"`
	Idle    int64 `json:"idle_kb"`
	Peak    int64 `json:"peak_kb"`
}

// inMemory copies a directory, so that no disk is timed.
func inMemory(dir string) (filesys.FileSystem, error) {
	fs := filesys.MakeFsInMemory()
	return fs, filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
		if err := fs.MkdirAll(filepath.Dir(name)); err != nil {
			return err
		}
		return fs.WriteFile(name, text)
	})
}

// memory is a line of Linux's account of this process, in kB; 0 elsewhere.
func memory(name string) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return kb
		}
	}
	return 0
}

func run(fs filesys.FileSystem, root string, r request) (answer, error) {
	a := answer{Idle: memory("VmRSS")}
	start := time.Now()
	for _, path := range r.Builds {
		if r.Reset {
			openapi.ResetOpenAPI()
		}
		k := krusty.MakeKustomizer(&krusty.Options{
			LoadRestrictions: types.LoadRestrictionsNone,
			PluginConfig:     types.DisabledPluginConfig(),
		})
		m, err := k.Run(fs, filepath.Join(root, path))
		if err != nil {
			return a, err
		}
		text, err := m.AsYaml()
		if err != nil {
			return a, err
		}
		a.Objects += m.Size()
		a.Output += len(text)
	}
	a.Ns = time.Since(start).Nanoseconds()
	a.Peak = memory("VmHWM")
	return a, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func main() {
	out := json.NewEncoder(os.Stdout)
	dec := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	var loaded filesys.FileSystem
	var of string
	for dec.More() {
		var r request
		if err := dec.Decode(&r); err != nil {
			fail(err)
		}
		fs, root := filesys.MakeFsOnDisk(), r.Tree
		if !r.Disk {
			if of != r.Tree {
				fresh, err := inMemory(r.Tree)
				if err != nil {
					fail(err)
				}
				loaded, of = fresh, r.Tree
			}
			fs, root = loaded, "/"
		}
		a, err := run(fs, root, r)
		if err != nil {
			fail(err)
		}
		if err := out.Encode(a); err != nil {
			fail(err)
		}
	}
}
