// Command grypedb writes a Grype vulnerability database from flat records, with Grype's own library.
//
//	grypedb [-captured TIME] RECORDS.json DIR
//
// RECORDS.json is a list of records, see [record]. DIR must not exist; what Grype reads in it is vulnerability.db
// (`grype db import DIR/vulnerability.db`). The database says that it was assembled now, whatever -captured says.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anchore/grype/grype/db"
	"github.com/anchore/grype/grype/db/provider"
)

// The names under which Debian's feed comes; they are what Grype looks for, not a place that is read.
const (
	feed        = "debian"
	schema      = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/"
	osSchema    = schema + "vulnerability/os/schema-1.0.0.json"
	stateSchema = schema + "provider-workspace-state/schema-1.0.3.json"
)

// record is one vulnerability of one source package.
type record struct {
	ID string `json:"id"`
	// Distro is "debian:12" when it is left out.
	Distro  string `json:"distro"`
	Package string `json:"package"`
	// Severity as Debian's feed spells it; a report says "Unknown" when it is left out.
	Severity string `json:"severity"`
	// Fixed is the version with the fix. Without one every version is affected: "not-fixed", or "wont-fix".
	Fixed   string `json:"fixed"`
	WontFix bool   `json:"wontFix"`
	// FixedOn is the day the fix came out, "2026-11-20".
	FixedOn string `json:"fixedOn"`
}

func main() {
	captured := flag.String("captured", "", "when the records' data was captured, RFC 3339 (default now)")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "Usage: grypedb [-captured TIME] RECORDS.json DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*captured, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "grypedb:", err)
		os.Exit(1)
	}
}

func run(captured, file, dir string) error {
	at := time.Now().UTC()
	if captured != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, captured); err != nil {
			return err
		}
	}
	records, err := read(file)
	if err != nil {
		return err
	}
	workspace, err := os.MkdirTemp("", "grypedb")
	if err != nil {
		return err
	}
	defer os.RemoveAll(workspace)
	state, err := capture(workspace, at, records)
	if err != nil {
		return err
	}
	// Never into a database that is there: it may hold other records.
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return db.Build(db.BuildConfig{
		SchemaVersion:   6,
		Directory:       dir,
		States:          provider.States{*state},
		Timestamp:       time.Now().UTC(),
		IncludeCPEParts: []string{"o", "a", "h"},
		Hydrate:         true,
	})
}

func read(file string) ([]record, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var records []record
	if err := decoder.Decode(&records); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s: no records", file)
	}
	seen := map[string]bool{}
	for i := range records {
		r := &records[i]
		if r.Distro == "" {
			r.Distro = "debian:12"
		}
		if key := r.Distro + " " + r.ID; r.ID == "" || r.Package == "" || seen[key] {
			return nil, fmt.Errorf("%s: record %d: no id, no package, or an id that is there already", file, i)
		} else {
			seen[key] = true
		}
		if r.WontFix && r.Fixed != "" {
			return nil, errors.New(r.ID + ": fixed, and will not be fixed")
		}
	}
	return records, nil
}

// capture writes the records the way Grype's feeds write theirs.
func capture(root string, at time.Time, records []record) (*provider.State, error) {
	writer := provider.NewWorkspaceWriter(root, feed)
	var files []provider.File
	for _, r := range records {
		text, err := json.Marshal(envelope(r))
		if err != nil {
			return nil, err
		}
		name := filepath.Join(strings.ReplaceAll(r.Distro, ":", "@"), r.ID+".json")
		file, err := writer.WriteResult(name, text)
		if err != nil {
			return nil, err
		}
		files = append(files, *file)
	}
	if err := writer.WriteListing(files); err != nil {
		return nil, err
	}
	listing, err := provider.NewFile(writer.ListingPath())
	if err != nil {
		return nil, err
	}
	listing.Path = "results/listing.xxh64"
	err = writer.WriteState(provider.State{
		Provider:            feed,
		Version:             1,
		DistributionVersion: 1,
		Processor:           "vunnel@0.54.0",
		Schema:              provider.Schema{Version: "1.0.3", URL: stateSchema},
		Timestamp:           at,
		Listing:             listing,
		Store:               "flat-file",
	})
	if err != nil {
		return nil, err
	}
	return provider.ReadState(filepath.Join(writer.Path(), "metadata.json"))
}

type object = map[string]any

func envelope(r record) object {
	version := r.Fixed
	if version == "" {
		version = "None"
	}
	fix := object{
		"Name":           r.Package,
		"NamespaceName":  r.Distro,
		"VendorAdvisory": object{"NoAdvisory": r.WontFix},
		"Version":        version,
		"VersionFormat":  "dpkg",
	}
	if r.FixedOn != "" {
		fix["Available"] = object{"Date": r.FixedOn, "Kind": "advisory"}
	}
	return object{
		"schema":     osSchema,
		"identifier": r.Distro + "/" + strings.ToLower(r.ID),
		"item": object{"Vulnerability": object{
			"CVSS":          []any{},
			"Description":   "Made up for tests.",
			"FixedIn":       []any{fix},
			"Link":          "https://security-tracker.debian.org/tracker/" + r.ID,
			"Metadata":      object{},
			"Name":          r.ID,
			"NamespaceName": r.Distro,
			"Severity":      r.Severity,
		}},
	}
}
