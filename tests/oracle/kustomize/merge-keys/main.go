// Prints shared/kustomize/src/schema/merge_keys.json: for every builtin type the fields that lead to a list that
// strategic merge treats as associative, out of the OpenAPI document inside the kustomize library.
//
// With the argument `names` it prints shared/kustomize/src/schema/names.txt: the definition of each type, by its index.
//
// {"types": [{field: [shape, index of its type or -1, keys...]}], "kinds": {"apiVersion Kind": index of its type}}
// Shapes: o object, l list, m map of, a associative list, p associative list of scalars.
package main

import (
	"encoding/json"
	"os"
	"sort"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

type field struct {
	Shape string
	Type  string
	Keys  []string
}

func refName(s spec.Schema) string {
	r := s.Ref.String()
	return r[strings.LastIndex(r, "/")+1:]
}

func main() {
	all := openapi.Schema().Definitions
	types := map[string]map[string]field{}
	for name, def := range all {
		fs := map[string]field{}
		for fn, p := range def.Properties {
			f := field{}
			ps, _ := p.Extensions["x-kubernetes-patch-strategy"].(string)
			assoc := false
			for _, s := range strings.Split(ps, ",") {
				assoc = assoc || s == "merge"
			}
			switch {
			case p.Ref.String() != "":
				f.Shape, f.Type = "o", refName(p)
			case p.Items != nil:
				f.Shape = "l"
				if p.Items.Schema != nil && p.Items.Schema.Ref.String() != "" {
					f.Type = refName(*p.Items.Schema)
				}
				if assoc {
					f.Shape = "a"
					if list, ok := p.Extensions["x-kubernetes-list-map-keys"].([]interface{}); ok {
						for _, k := range list {
							f.Keys = append(f.Keys, k.(string))
						}
					} else if k, ok := p.Extensions["x-kubernetes-patch-merge-key"].(string); ok {
						f.Keys = []string{k}
					} else {
						f.Shape = "p"
					}
				}
			case p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil && p.AdditionalProperties.Schema.Ref.String() != "":
				f.Shape, f.Type = "m", refName(*p.AdditionalProperties.Schema)
			default:
				continue
			}
			fs[fn] = f
		}
		types[name] = fs
	}
	useful := map[string]bool{}
	for changed := true; changed; {
		changed = false
		for name, fs := range types {
			if useful[name] {
				continue
			}
			for _, f := range fs {
				if f.Shape == "a" || f.Shape == "p" || useful[f.Type] {
					useful[name] = true
					changed = true
					break
				}
			}
		}
	}
	kinds := map[string]string{}
	reach := map[string]bool{}
	var walk func(string)
	walk = func(n string) {
		if !useful[n] || reach[n] {
			return
		}
		reach[n] = true
		for _, f := range types[n] {
			walk(f.Type)
		}
	}
	for name, def := range all {
		gvks, _ := def.Extensions["x-kubernetes-group-version-kind"].([]interface{})
		for _, g := range gvks {
			m := g.(map[string]interface{})
			group, _ := m["group"].(string)
			version, _ := m["version"].(string)
			kind, _ := m["kind"].(string)
			av := version
			if group != "" {
				av = group + "/" + version
			}
			if useful[name] && len(gvks) == 1 || useful[name] && strings.HasSuffix(name, "."+kind) {
				kinds[av+" "+kind] = name
				walk(name)
			}
		}
	}
	var names []string
	for n := range reach {
		names = append(names, n)
	}
	sort.Strings(names)
	if len(os.Args) > 1 && os.Args[1] == "names" {
		_, _ = os.Stdout.WriteString(strings.Join(names, "\n") + "\n")
		return
	}
	index := map[string]int{}
	for i, n := range names {
		index[n] = i
	}
	outTypes := make([]map[string]interface{}, len(names))
	for i, n := range names {
		o := map[string]interface{}{}
		for fn, f := range types[n] {
			target := -1
			if reach[f.Type] {
				target = index[f.Type]
			}
			if f.Shape != "a" && f.Shape != "p" && target < 0 {
				continue
			}
			o[fn] = append([]interface{}{f.Shape, target}, func() (r []interface{}) {
				for _, k := range f.Keys {
					r = append(r, k)
				}
				return
			}()...)
		}
		outTypes[i] = o
	}
	outKinds := map[string]int{}
	for k, n := range kinds {
		outKinds[k] = index[n]
	}
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	_ = e.Encode(map[string]interface{}{"types": outTypes, "kinds": outKinds})
}
