// What the kustomize library builds: JSON lines of {"files": {path: text}, "root": "dir"} in, and for each a line of
// {"yaml": text, "error": text} out, built with the options of kustomize-controller. yaml.go answers questions on YAML.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

type request struct {
	Files map[string]string `json:"files"`
	Root  string            `json:"root"`
	YAML3 *string           `json:"yaml3"`
	YAML2 *string           `json:"yaml2"`
	JSON  *string           `json:"json"`
}

type answer struct {
	YAML  string `json:"yaml"`
	Error string `json:"error"`
}

// resetSchema forgets the OpenAPI schema, which is kept for all of the process, before and after a build that may name
// one. Other builds have the builtin one, and reading it again takes long.
func resetSchema(r request) func() {
	for _, text := range r.Files {
		if strings.Contains(strings.ToLower(text), "openapi") {
			openapi.ResetOpenAPI()
			return openapi.ResetOpenAPI
		}
	}
	return func() {}
}

func build(r request) (a answer) {
	if a, ok := answerYAML(r); ok {
		return a
	}
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: fmt.Sprintf("panic: %v", p)}
		}
	}()
	defer resetSchema(r)()
	fs := filesys.MakeFsInMemory()
	for p, text := range r.Files {
		if err := fs.MkdirAll(path.Dir("/" + p)); err != nil {
			return answer{Error: err.Error()}
		}
		if err := fs.WriteFile("/"+p, []byte(text)); err != nil {
			return answer{Error: err.Error()}
		}
	}
	k := krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	})
	m, err := k.Run(fs, "/"+r.Root)
	if err != nil {
		return answer{Error: err.Error()}
	}
	y, err := m.AsYaml()
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{YAML: string(y)}
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	dec := json.NewDecoder(in)
	for dec.More() {
		var r request
		if err := dec.Decode(&r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(build(r)); err != nil {
			os.Exit(1)
		}
	}
}
