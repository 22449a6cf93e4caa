// What Flux's own packages make of an input: JSON lines in, a line of {"error": text} or the result for each out.
//
// {"op": "envsubst", "text", "vars", "lenient"} -> text (base64, since it need not be UTF-8)
// {"op": "ignore", "files", "ignore"} -> paths that stay in a source's artifact
// {"op": "diff", "diff": {"kubeconfig", "objects", "force", "ignoreRules", "qps"}} -> verdicts, micros: one object after the other
// {"op": "normalise", "object"} -> objects: the one object, normalised
// {"op": "age-key"} -> key (the identity), public (its recipient)
// {"op": "encrypt", "plain": {"format", "text" or "bytes", "recipients", "regex", "suffix"}} -> text, encrypted by SOPS
// {"op": "render", "files", "kustomization", "lenient", "keys" (age identities), "cluster": objects for substituteFrom} -> yaml (its digest is what Flux compares), digest, objects
//
// The steps are those of kustomize-controller's reconciliation, up to what it hands to server-side apply.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	generator "github.com/fluxcd/pkg/kustomize"
	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type request struct {
	Op            string                 `json:"op"`
	Files         map[string]string      `json:"files"`
	Kustomization map[string]interface{} `json:"kustomization"`
	Lenient       bool                   `json:"lenient"`
	Text          string                 `json:"text"`
	Vars          map[string]string      `json:"vars"`
	Ignore        string                 `json:"ignore"`
	Object        json.RawMessage        `json:"object"`
	Cluster       []json.RawMessage      `json:"cluster"`
	Plain         plain                  `json:"plain"`
	Keys          []string               `json:"keys"`
	Diff          diffRequest            `json:"diff"`
}

type answer struct {
	Yaml     string                   `json:"yaml,omitempty"`
	Digest   string                   `json:"digest,omitempty"`
	Objects  []map[string]interface{} `json:"objects,omitempty"`
	Text     []byte                   `json:"text,omitempty"`
	Paths    []string                 `json:"paths,omitempty"`
	Verdicts []verdict                `json:"verdicts,omitempty"`
	Micros   int64                    `json:"micros,omitempty"`
	Key      string                   `json:"key,omitempty"`
	Public   string                   `json:"public,omitempty"`
	Error    string                   `json:"error,omitempty"`
}

// A cluster that holds the objects of a question, and answers nothing but gets.
type cluster struct {
	client.Client
	objects []json.RawMessage
}

func (c cluster) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	kind := reflect.TypeOf(into).Elem().Name()
	for _, raw := range c.objects {
		var o unstructured.Unstructured
		if err := json.Unmarshal(raw, &o.Object); err != nil {
			return err
		}
		if o.GetKind() == kind && o.GetName() == key.Name && o.GetNamespace() == key.Namespace {
			return json.Unmarshal(raw, into)
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{Resource: kind}, key.Name)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	out := bufio.NewWriter(os.Stdout)
	for in.Scan() {
		var r request
		a := answer{}
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			a.Error = err.Error()
		} else {
			a = respond(r)
		}
		b, _ := json.Marshal(a)
		out.Write(append(b, '\n'))
		out.Flush()
	}
}

func respond(r request) (a answer) {
	defer func() {
		if p := recover(); p != nil {
			a = answer{Error: fmt.Sprintf("PANIC: %v", p)}
		}
	}()
	var err error
	switch r.Op {
	case "envsubst":
		var s string
		s, err = envsubst.Eval(r.Text, func(n string) (string, bool) {
			v, ok := r.Vars[n]
			return v, ok || r.Lenient
		})
		a.Text = []byte(s)
	case "diff":
		a.Verdicts, a.Micros, err = diff(r.Diff)
	case "age-key":
		a.Key, a.Public, err = ageKey()
	case "encrypt":
		var s string
		s, err = encrypt(r.Plain)
		a.Text = []byte(s)
	case "ignore":
		a.Paths, err = ignored(r)
	case "normalise":
		a, err = normalised(r)
	default:
		a, err = render(r)
	}
	if err != nil {
		a = answer{Error: err.Error()}
	}
	return a
}

func write(r request) (string, error) {
	dir, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return "", err
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	for p, text := range r.Files {
		f := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			return dir, err
		}
		if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
			return dir, err
		}
	}
	return dir, nil
}

func ignored(r request) ([]string, error) {
	dir, err := write(r)
	defer os.RemoveAll(dir)
	if err != nil {
		return nil, err
	}
	domain := strings.Split(dir, string(filepath.Separator))
	ps, err := sourceignore.LoadIgnorePatterns(dir, domain)
	if err != nil {
		return nil, err
	}
	ps = append(ps, sourceignore.ReadPatterns(strings.NewReader(r.Ignore), domain)...)
	m := sourceignore.NewDefaultMatcher(ps, domain)
	if len(ps) > 0 {
		m = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), ps...))
	}
	var kept []string
	err = filepath.Walk(dir, func(p string, fi os.FileInfo, err error) error {
		if err != nil || p == dir {
			return err
		}
		if !m.Match(strings.Split(p, string(filepath.Separator)), fi.IsDir()) && !fi.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			kept = append(kept, rel)
		}
		return nil
	})
	sort.Strings(kept)
	return kept, err
}

func normalised(r request) (a answer, err error) {
	var o unstructured.Unstructured
	// The numbers are those of Kubernetes: whole ones stay whole.
	if err := utiljson.Unmarshal(r.Object, &o.Object); err != nil {
		return a, err
	}
	if err := normalize.UnstructuredList([]*unstructured.Unstructured{&o}); err != nil {
		return a, err
	}
	ssautil.RemoveCABundleFromCRD(&o)
	a.Objects = append(a.Objects, o.Object)
	return a, nil
}

func render(r request) (a answer, err error) {
	dir, err := write(r)
	defer os.RemoveAll(dir)
	if err != nil {
		return a, err
	}
	ks := unstructured.Unstructured{Object: r.Kustomization}
	path, _, _ := unstructured.NestedString(ks.Object, "spec", "path")
	dirPath := filepath.Join(dir, filepath.Join("/", path))
	if _, err := os.Stat(dirPath); err != nil {
		return a, fmt.Errorf("kustomization path not found: %w", err)
	}
	if _, err := generator.NewGenerator(dir, ks).WriteFile(dirPath); err != nil {
		return a, err
	}
	_, decrypts, _ := unstructured.NestedMap(ks.Object, "spec", "decryption")
	d, err := newDecryptor(dir, r.Keys)
	if err != nil {
		return a, err
	}
	if decrypts {
		if err := d.sources(path); err != nil {
			return a, fmt.Errorf("error decrypting sources: %w", err)
		}
	}
	m, err := generator.SecureBuild(dir, dirPath, false)
	if err != nil {
		return a, fmt.Errorf("kustomize build failed: %w", err)
	}
	_, postBuild, _ := unstructured.NestedMap(ks.Object, "spec", "postBuild")
	strategy, _, _ := unstructured.NestedString(ks.Object, "spec", "postBuild", "substituteStrategy")
	for _, res := range m.Resources() {
		if res.GetName() == "" || res.GetKind() == "" || res.GetApiVersion() == "" {
			return a, fmt.Errorf("failed to decode Kubernetes apiVersion, kind and name from: %v", res.String())
		}
		if decrypts {
			if err := d.resource(res); err != nil {
				return a, fmt.Errorf("decryption failed for '%s': %w", res.GetName(), err)
			}
		}
		if postBuild {
			o, err := generator.SubstituteVariables(context.Background(), cluster{objects: r.Cluster}, ks, res,
				generator.SubstituteWithStrict(!r.Lenient), generator.SubstituteWithAlways(strategy == "Always"))
			if err != nil {
				return a, fmt.Errorf("post build failed for '%s': %w", res.GetName(), err)
			}
			if o != nil {
				if _, err := m.Replace(res); err != nil {
					return a, err
				}
			}
		}
	}
	y, err := m.AsYaml()
	if err != nil {
		return a, fmt.Errorf("kustomize build failed: %w", err)
	}
	a.Yaml = string(y)
	a.Digest = fmt.Sprintf("sha256:%x", sha256.Sum256(y))
	objects, err := ssautil.ReadObjects(bytes.NewReader(y))
	if err != nil {
		return a, err
	}
	manager := ssa.NewResourceManager(nil, nil, ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"})
	manager.SetOwnerLabels(objects, ks.GetName(), ks.GetNamespace())
	if err := normalize.UnstructuredList(objects); err != nil {
		return a, err
	}
	for _, o := range objects {
		disabled := strings.EqualFold(o.GetAnnotations()["kustomize.toolkit.fluxcd.io/decrypt"], "disabled")
		if refused(o.Object) && !disabled {
			return a, fmt.Errorf("%s is SOPS encrypted, configuring decryption is required", o.GetName())
		}
	}
	labels, ok1, _ := unstructured.NestedStringMap(ks.Object, "spec", "commonMetadata", "labels")
	annotations, ok2, _ := unstructured.NestedStringMap(ks.Object, "spec", "commonMetadata", "annotations")
	if ok1 || ok2 {
		ssautil.SetCommonMetadata(objects, labels, annotations)
	}
	for _, o := range objects {
		ssautil.RemoveCABundleFromCRD(o)
		a.Objects = append(a.Objects, o.Object)
	}
	return a, nil
}
