package main

// SOPS as kustomize-controller drives it: files that generators and patches name before the build, objects after it.

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	filippo "filippo.io/age"
	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	yamlstore "github.com/getsops/sops/v3/stores/yaml"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// What is to be encrypted, and for whom.
type plain struct {
	Format     string   `json:"format"`
	Text       string   `json:"text"`
	Recipients []string `json:"recipients"`
	Regex      string   `json:"regex"`
	Suffix     string   `json:"suffix"`
	Bytes      []byte   `json:"bytes"`
}

func store(format string) sops.Store {
	c := config.NewStoresConfig()
	switch format {
	case "yaml":
		return yamlstore.NewStore(&c.YAML)
	case "json":
		return json.NewStore(&c.JSON)
	case "dotenv":
		return dotenv.NewStore(&c.Dotenv)
	case "ini":
		return ini.NewStore(&c.INI)
	default:
		return json.NewBinaryStore(&c.JSONBinary)
	}
}

func ageKey() (secret, public string, err error) {
	identity, err := filippo.GenerateX25519Identity()
	if err != nil {
		return "", "", err
	}
	return identity.String(), identity.Recipient().String(), nil
}

func encrypt(p plain) (string, error) {
	text := []byte(p.Text)
	if p.Bytes != nil {
		text = p.Bytes
	}
	s := store(p.Format)
	branches, err := s.LoadPlainFile(text)
	if err != nil {
		return "", err
	}
	var group sops.KeyGroup
	for _, recipient := range p.Recipients {
		key, err := age.MasterKeyFromRecipient(recipient)
		if err != nil {
			return "", err
		}
		group = append(group, key)
	}
	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{
		KeyGroups: []sops.KeyGroup{group}, Version: "3.13.2", EncryptedRegex: p.Regex, UnencryptedSuffix: p.Suffix,
	}}
	if p.Regex == "" && p.Suffix == "" {
		tree.Metadata.UnencryptedSuffix = sops.DefaultUnencryptedSuffix
	}
	key, errs := tree.GenerateDataKey()
	if len(errs) > 0 {
		return "", fmt.Errorf("%v", errs)
	}
	cipher := aes.NewCipher()
	mac, err := tree.Encrypt(key, cipher)
	if err != nil {
		return "", err
	}
	tree.Metadata.LastModified = time.Now().UTC()
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, key, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		return "", err
	}
	out, err := s.EmitEncryptedFile(tree)
	return string(out), err
}

type decryptor struct {
	root       string
	identities age.ParsedIdentities
	done       map[string]bool
	visited    map[string]bool
}

func newDecryptor(root string, keys []string) (*decryptor, error) {
	d := &decryptor{root: root, done: map[string]bool{}, visited: map[string]bool{}}
	return d, d.identities.Import(keys...)
}

// The data key, by whichever of our identities opens it.
func (d *decryptor) dataKey(m *sops.Metadata) ([]byte, error) {
	for _, group := range m.KeyGroups {
		for _, key := range group {
			if key, ok := key.(*age.MasterKey); ok {
				d.identities.ApplyToMasterKey(key)
				if opened, err := key.Decrypt(); err == nil {
					return opened, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("cannot get sops data key")
}

func (d *decryptor) open(data []byte, from, to string) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("failed to emit %s as %s: %v", from, to, p)
		}
	}()
	tree, err := store(from).LoadEncryptedFile(data)
	if err != nil {
		return nil, fmt.Errorf("failed to load encrypted %s data: %w", from, err)
	}
	key, err := d.dataKey(&tree.Metadata)
	if err != nil {
		return nil, err
	}
	if _, err := tree.Decrypt(key, aes.NewCipher()); err != nil {
		return nil, fmt.Errorf("error decrypting sops tree: %w", err)
	}
	return store(to).EmitPlainFile(tree.Branches)
}

func formatOf(path string) string {
	endings := []struct{ ending, format string }{
		{".dockerconfigjson", "json"}, {".yaml", "yaml"}, {".yml", "yaml"}, {".json", "json"}, {".env", "dotenv"}, {".ini", "ini"},
	}
	for _, e := range endings {
		if strings.HasSuffix(path, e.ending) {
			return e.format
		}
	}
	return "binary"
}

var markers = []struct{ format, marker string }{
	{"json", "\"mac\": \"ENC["}, {"dotenv", "sops_mac=ENC["}, {"ini", "[sops]"}, {"yaml", "mac: ENC["}, {"binary", "\"mac\": \"ENC["},
}

func (d *decryptor) file(dir, ref, format string) error {
	path, err := securejoin.SecureJoin(d.root, filepath.Join(dir, ref))
	if err != nil || d.done[path] {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, m := range markers {
		if m.format == format && !bytes.Contains(data, []byte(m.marker)) {
			return nil
		}
	}
	out, err := d.open(data, format, format)
	if err != nil {
		return err
	}
	d.done[path] = true
	return os.WriteFile(path, out, 0o600)
}

func (d *decryptor) sources(dir string) error {
	abs, err := securejoin.SecureJoin(d.root, dir)
	if err != nil || d.visited[abs] {
		return err
	}
	d.visited[abs] = true
	if info, err := os.Lstat(abs); err != nil || !info.IsDir() {
		return nil
	}
	var k types.Kustomization
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		data, err := os.ReadFile(filepath.Join(abs, name))
		if err != nil {
			continue
		}
		if err := yaml.Unmarshal(data, &k); err != nil {
			return err
		}
	}
	for _, g := range k.SecretGenerator {
		for _, source := range g.FileSources {
			key, path, named := strings.Cut(source, "=")
			if !named {
				path = key
			}
			if err := d.file(dir, path, formatOf(key)); err != nil {
				return err
			}
		}
		for _, path := range g.EnvSources {
			format := formatOf(path)
			if format == "binary" {
				format = "dotenv"
			}
			if err := d.file(dir, path, format); err != nil {
				return err
			}
		}
	}
	for _, p := range k.Patches {
		if p.Path == "" || strings.Contains(p.Path, "://") {
			continue
		}
		if err := d.file(dir, p.Path, formatOf(p.Path)); err != nil {
			return err
		}
	}
	for _, r := range append(k.Resources, k.Components...) {
		if err := d.sources(filepath.Join(dir, r)); err != nil {
			return err
		}
	}
	return nil
}

func (d *decryptor) resource(r *resource.Resource) error {
	if strings.EqualFold(r.GetAnnotations()["kustomize.toolkit.fluxcd.io/decrypt"], "disabled") {
		return nil
	}
	if field := r.Field("sops"); !field.IsNilOrEmpty() && !field.Value.Field("mac").IsNilOrEmpty() {
		data, err := r.MarshalJSON()
		if err != nil {
			return err
		}
		if data, err = d.open(data, "json", "json"); err != nil {
			return err
		}
		return r.UnmarshalJSON(data)
	}
	if r.GetKind() != "Secret" {
		return nil
	}
	values := r.GetDataMap()
	for key, value := range values {
		data, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			continue
		}
		for _, m := range markers {
			if bytes.Contains(data, []byte(m.marker)) {
				out, err := d.open(data, m.format, formatOf(key))
				if err != nil {
					return err
				}
				values[key] = base64.StdEncoding.EncodeToString(out)
				break
			}
		}
	}
	r.SetDataMap(values)
	return nil
}

// Secrets that are still encrypted are refused, after everything else.
func refused(o map[string]interface{}) bool {
	_, encrypted := o["sops"]
	return o["kind"] == "Secret" && o["apiVersion"] == "v1" && encrypted
}
